import numpy as np
import pytest
from scipy import ndimage
from stembench.noise.scan import Scan, apparent_positions, average, frames_of, recorded

PIXELS = 128
SIGMA = 6.0  # px, of the columns below
FWHM = SIGMA * np.sqrt(8 * np.log(2))
LOW, HIGH = np.array([60.3, 66.7]), np.array([24.6, 31.2])


def scanned(columns: np.ndarray, *scans: Scan) -> np.ndarray:
    """The average of scans over Gaussian columns, each pixel computed at the place that the scan says."""
    frames = []
    for scan in scans:
        rows = np.arange(scan.rows)
        shifts = scan.shifts(rows)
        y = (rows + shifts[:, 1])[:, None]
        x = rows + shifts[:, :1] + scan.flyback(rows)
        frames.append(sum(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * SIGMA**2)) for cx, cy in columns))
    return np.mean(frames, axis=0)


def centroid(image: np.ndarray) -> np.ndarray:
    y, x = np.indices(image.shape)
    return np.array([(image * x).sum(), (image * y).sum()]) / image.sum()


def maximum(image: np.ndarray) -> np.ndarray:
    """Of a paraboloid through the logarithms around the highest pixel."""
    row, column = np.unravel_index(image.argmax(), image.shape)
    y, x = np.mgrid[-2:3, -2:3].reshape(2, -1)
    window = np.log(image[row - 2 : row + 3, column - 2 : column + 3]).ravel()
    _, gx, gy, gxx, gxy, gyy = np.linalg.lstsq(np.column_stack([x**0, x, y, x**2, x * y, y**2]), window)[0]
    return np.array([column, row]) - np.linalg.solve([[2 * gxx, gxy], [gxy, 2 * gyy]], [gx, gy])


@pytest.mark.parametrize(
    ("scan", "located"),
    [
        (Scan(PIXELS, step=(0.06, -0.04)), maximum),
        (Scan(PIXELS, pickup=(0.8, 0.6), periods_per_row=3.002, phases=(0.3, 1.0, 2.0)), maximum),  # a slow beat
        (Scan(PIXELS, pickup=(0.8, 0.6), periods_per_row=0.31, phases=(0.3, 1.0, 2.0)), centroid),  # a fast one
        (Scan(PIXELS, jumps=((4, 3.0, -4.0), (100, -2.0, 1.0))), maximum),
        (Scan(PIXELS, odd_even=3.0), centroid),
        (Scan(PIXELS, stretch=0.4, settling=40.0), maximum),
        (Scan(PIXELS, stretch=-0.4, settling=40.0), maximum),
        (Scan(PIXELS, step=(0.02, 0.03), odd_even=1.0, jumps=((2, 1.0, -1.0),)), centroid),
    ],
)
def test_a_column_appears_where_its_distorted_image_is(scan, located):
    for column in (LOW, HIGH):
        apparent = scan.apparent(column[None], FWHM)[0]
        assert apparent == pytest.approx(located(scanned(column[None], scan)), abs=0.02)


@pytest.mark.parametrize(
    "jumps",
    [((60, 9.0, 6.5), (36, -5.0, 3.0)), ((70, 2.0, -9.0),), ((33, 30.0, 4.0), (33, -9.0, 1.0)), ((66, -20.0, 0.0),)],
)
def test_a_column_that_a_jump_cuts_appears_where_it_is_brightest(jumps):
    scan = Scan(PIXELS, jumps=jumps)
    for column in (LOW, HIGH):
        image = scanned(column[None], scan)
        brightest = np.argwhere(image > 0.997 * image.max())[:, ::-1]  # twice, where rows were scanned twice
        distances = np.abs(brightest - scan.apparent(column[None], FWHM)[0]).max(1)
        assert distances.min() <= 0.5


def test_scans_move_columns_far_enough_for_the_test_above():
    moved = [
        np.hypot(*(scan.apparent(HIGH[None], FWHM)[0] - HIGH))
        for scan in (Scan(PIXELS, step=(0.06, -0.04)), Scan(PIXELS, stretch=0.4, settling=40.0))
    ]
    assert min(moved) > 2


def test_averaged_frames_show_a_column_at_the_mean_of_its_places():
    scans = [Scan(PIXELS, step=step) for step in ((0.03, 0.0), (-0.01, 0.02), (0.0, -0.03))]
    apparent = apparent_positions(HIGH[None], scans, FWHM)[0]
    assert apparent == pytest.approx(centroid(scanned(HIGH[None], *scans)), abs=0.02)


def test_jitter_moves_no_apparent_position():
    jitter = np.random.default_rng(0).normal(0, 2, (PIXELS, 2))
    assert Scan(PIXELS, jitter=jitter).apparent(HIGH[None], FWHM)[0] == pytest.approx(HIGH)


def test_many_columns_inside_and_outside_the_frame_are_placed_at_once():
    scan = Scan(PIXELS, step=(0.02, 0.3), stretch=0.3, settling=20.0)
    places = np.random.default_rng(0).uniform(-200, 330, (500, 2))
    together = scan.apparent(places, FWHM)
    assert np.isfinite(together).all()
    shown = np.all((together > 0) & (together < PIXELS), axis=1)
    assert shown.sum() > 20
    for place, found in zip(places[shown], together[shown]):
        assert scan.apparent(place[None], FWHM)[0] == pytest.approx(found)
    assert len(scan.apparent(np.zeros((0, 2)), FWHM)) == 0


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_pick_up_is_the_mains_sampled_at_the_time_of_a_line(mains_hz):
    line_s = 512 * 8e-6 + 400e-6
    scan = Scan(4000, pickup=(0.4, 0.3), periods_per_row=mains_hz * line_s, phases=(0.1, 1.0, 2.0))
    time = np.arange(4000) * line_s
    waves = sum(np.sin(2 * np.pi * n * mains_hz * time + phase) / n for n, phase in ((1, 0.1), (2, 1.0), (3, 2.0)))
    shifts = scan.shifts(np.arange(4000))
    assert np.corrcoef(shifts[:, 0], waves)[0, 1] == pytest.approx(1)
    assert shifts.std(0) == pytest.approx([0.4, 0.3], rel=0.02)
    assert shifts[:, 1] == pytest.approx(0.75 * shifts[:, 0])


def test_a_line_of_nearly_a_period_of_the_mains_beats_slowly():
    slow = Scan(200, pickup=(1.0, 0.0), periods_per_row=1.01, phases=(0.0,)).shifts(np.arange(200))[:, 0]
    assert slow == pytest.approx(np.sqrt(2) * np.sin(2 * np.pi * np.arange(200) / 100), abs=1e-9)
    synchronous = Scan(200, pickup=(1.0, 0.0), periods_per_row=2.0, phases=(0.7,)).shifts(np.arange(200))
    assert synchronous == pytest.approx(0, abs=1e-9)


def test_frames_are_those_of_scipys_cubic_splines():
    rng = np.random.default_rng(0)
    images = [ndimage.gaussian_filter(rng.random((60, 60)), 2.0) for _ in range(2)]
    coefficients = np.stack([ndimage.spline_filter(image, 3, mode="mirror") for image in images])
    scans = [
        Scan(48, step=(0.05, -0.03), jitter=rng.normal(0, 1, (48, 2))),
        Scan(48, stretch=0.3, settling=9.0, odd_even=1.3),
    ]
    for chosen in ([0, 1], [1, 1]):
        frames = frames_of(coefficients, scans, chosen, [6, 6])
        for frame, scan, k in zip(frames, scans, chosen):
            rows = np.arange(48)
            shifts = scan.shifts(rows) + (0 if scan.jitter is None else scan.jitter)
            y, x = np.broadcast_arrays((rows + shifts[:, 1])[:, None], rows + shifts[:, :1] + scan.flyback(rows))
            expected = ndimage.map_coordinates(images[k], [y + 6, x + 6], order=3, mode="mirror")
            assert frame == pytest.approx(expected, abs=1e-12)


def test_in_a_steady_frame_a_column_is_whole_where_it_appears():
    rng, fwhm = np.random.default_rng(0), 12.0
    scan = Scan(
        60,
        step=(0.02, -0.01),
        pickup=(0.8, 0.5),
        periods_per_row=0.37,
        phases=(1.0, 2.0),
        odd_even=1.5,
        jitter=rng.normal(0, 0.7, (60, 2)),
    )

    def column(x, y):
        rows, columns = np.mgrid[:60, :60]
        return 2 ** (-4 * ((columns - x) ** 2 + (rows - y) ** 2) / fwhm**2)

    coefficients = ndimage.spline_filter(column(31.3, 28.6), 3, mode="mirror")[None]
    steady, torn = (frames_of(coefficients, [scan], [0], [0], over)[0] for over in ([fwhm], None))
    expected = column(*scan.apparent(np.array([[31.3, 28.6]]), fwhm)[0])
    assert np.abs(steady - expected).max() < 0.02
    assert np.abs(torn - expected).max() > 0.1


def drawn(**updates):
    none = {
        "afterglow": 0.0,
        "afterglow_px": 1.0,
        "readout_e": 0.0,
        "clip_low": 0.0,
        "clip_high": 0.0,
        "bits": 0,
        "smoothing_px": 0.0,
    }
    return {"counts_per_px": 50.0, "shot_noise_alone": False, "gain": 10.0, "offset": 20.0} | none | updates


def test_dead_rows_hold_the_offset_and_hot_rows_the_highest_level():
    scan = Scan(PIXELS, dead=(5, 80), hot=(33,))
    levels = recorded(np.ones((1, PIXELS, PIXELS)), drawn(), [scan], np.random.default_rng(0))
    assert (levels[[5, 80]] == 20).all()
    assert (levels[33] == levels.max()).all()
    others = np.delete(levels, [5, 33, 80], axis=0)
    assert others.mean() == pytest.approx(520, rel=0.01)


def test_frames_share_the_counts_and_their_shot_noise_is_that_of_one_frame():
    one, four = (
        recorded(np.ones((n, 200, 200)), drawn(), [Scan(200)] * n, np.random.default_rng(0)) * n for n in (1, 4)
    )
    for levels, offsets in ((one, 20), (four, 80)):
        electrons = (levels - offsets) / 10
        assert electrons.mean() == pytest.approx(50, rel=0.01)
        assert electrons.var() == pytest.approx(50, rel=0.03)


def test_the_blur_of_jitter_stays_in_an_average_of_frames():
    column = scanned(LOW[None], Scan(PIXELS))
    rng = np.random.default_rng(0)
    scans = [Scan(PIXELS, jitter=rng.normal(0, 4.0, (PIXELS, 2))) for _ in range(64)]
    coefficients = ndimage.spline_filter(column, 3, mode="mirror")[None]
    blurred = average(frames_of(coefficients, scans, [0] * 64, [0] * 64))
    expected = ndimage.gaussian_filter(column, 4.0)
    assert blurred.max() == pytest.approx(expected.max(), rel=0.05)
