"""A small valid file of every image format that is read: by its own writer, or the bytes that its reader asks for.

Those of microscopes take a stack, shape (frame, y, x), as well.
"""

import json
import shutil
import struct
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import tifffile
import zarr
from PIL import Image
from rsciio.emd import file_writer as write_berkeley_emd
from rsciio.hspy import file_writer as write_hspy
from scipy.io import savemat

VALUES = np.random.default_rng(0).integers(0, 4000, (24, 16)).astype(np.uint16)
NM_PER_PX = 0.02


def _signal() -> dict:
    """The image as RosettaSciIO's writers take it."""
    axes = [
        {"name": name, "size": size, "scale": NM_PER_PX, "offset": 0.0, "units": "nm", "navigate": False}
        for name, size in zip("yx", VALUES.shape)
    ]
    return {
        "data": VALUES,
        "axes": axes,
        "metadata": {"General": {"title": "image"}, "Signal": {"signal_type": ""}},
        "original_metadata": {"Detector": {"name": "HAADF", "angles": [70.0, 200.0]}},
        "attributes": {"_lazy": False, "ragged": False},
        "tmp_parameters": {},
        "learning_results": {},
        "package_info": {"package": "hyperspy", "package_version": "2.5"},
        "models": {},
    }


def hspy(path: Path) -> None:
    write_hspy(str(path), _signal(), compression="gzip")


def zspy(path: Path) -> None:
    """HyperSpy's groups in a Zarr store, zipped (RosettaSciIO's own writer needs Zarr 2)."""
    with TemporaryDirectory() as folder:
        root = zarr.open_group(f"{folder}/image", mode="w", zarr_format=2)
        root.attrs.update({"file_format": "ZSpy", "file_format_version": "3.3"})
        image = root.create_group("Experiments/__unnamed__")
        image.create_array("data", data=VALUES)
        for name in ("metadata", "original_metadata"):
            image.create_group(name)
        for index, axis in enumerate(_signal()["axes"]):
            image.create_group(f"axis-{index}").attrs.update(axis)
        path.write_bytes(Path(shutil.make_archive(f"{folder}/zipped", "zip", f"{folder}/image")).read_bytes())


def berkeley_emd(path: Path) -> None:
    write_berkeley_emd(str(path), _signal())


def velox_emd(path: Path, values: np.ndarray = VALUES) -> None:
    """The part of Velox's layout that RosettaSciIO reads of an image."""
    metadata = {
        "BinaryResult": {
            "PixelSize": {"width": str(NM_PER_PX * 1e-9), "height": str(NM_PER_PX * 1e-9)},
            "Offset": {"x": "0", "y": "0"},
            "PixelUnitX": "m",
            "PixelUnitY": "m",
            "DetectorIndex": "0",
            "Detector": "HAADF",
        },
        "Core": {"MetadataDefinitionVersion": "7.9"},
        "Detectors": {"Detector-0": {"DetectorName": "HAADF", "DetectorType": "ScanningDetector"}},
        "Scan": {"FrameTime": "1"},
        "Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1511969000"}},
        "Instrument": {"InstrumentClass": "Titan", "InstrumentId": "1"},
        "Optics": {"AccelerationVoltage": "300000"},
    }
    text = json.dumps(metadata).encode()
    with h5py.File(path, "w") as file:
        file["Version"] = np.array([b'{"format": "Velox", "version": "1.10"}'])
        image = file.create_group("Data/Image/0123456789abcdef")
        frames = np.moveaxis(values.reshape(-1, *values.shape[-2:]), 0, -1)
        image.create_dataset("Data", data=frames, chunks=True)  # as Velox does
        image["Metadata"] = np.repeat(np.frombuffer(text.ljust(2000, b"\0"), np.uint8)[:, None], frames.shape[-1], 1)


def velox_emd_with_eds(path: Path) -> None:
    """Velox's layout with a stream of EDS and a map of an element, whose title stands with its display."""
    velox_emd(path)
    with h5py.File(path, "a") as file:
        image = next(iter(file["Data/Image"].values()))
        told = json.loads(image["Metadata"][:, 0].tobytes().rstrip(b"\0"))
        del told["BinaryResult"]["DetectorIndex"]
        element = file.create_group("Data/Image/00000000000000ff")
        element.create_dataset("Data", data=image["Data"][()] // 9, chunks=True)
        text = json.dumps(told).encode().ljust(2000, b"\0")
        element["Metadata"] = np.frombuffer(text, np.uint8)[:, None]
        file["Data/SpectrumImage/a/SpectrumImageSettings"] = np.array([b"{}"])
        file["Data/SpectrumStream/a/Data"] = np.zeros((10, 1), np.uint16)
        for name, content in (
            ("Displays/ImageDisplay/a", {"title": "Sr", "data": "/SharedProperties/ImageSeriesDataReference/b"}),
            ("SharedProperties/ImageSeriesDataReference/b", {"dataPath": "/Data/Image/00000000000000ff"}),
        ):
            file[name] = np.array([json.dumps(content).encode()])


def dm5(path: Path, values: np.ndarray = VALUES) -> None:
    """Gatan's tags as groups and attributes."""
    with h5py.File(path, "w") as file:
        image = file.create_group("ImageList/[0]")
        image.attrs["Name"] = np.bytes_("HAADF")
        image["ImageData/Data"] = values
        for number in range(values.ndim):
            axis = image.create_group(f"ImageData/Calibrations/Dimension/[{number}]")
            axis.attrs.update({"Origin": 0.0, "Scale": NM_PER_PX, "Units": np.bytes_("nm")})
        image.create_group("ImageTags/Microscope Info").attrs["Voltage"] = 300000.0
        image.create_group("ImageTags/Meta Data").attrs["Format"] = np.bytes_("Image")


def _nion(dimensions: int) -> str:
    axis = {"offset": 0.0, "scale": NM_PER_PX, "units": "nm"}
    told = {"title": "HAADF", "dimensional_calibrations": dimensions * [axis], "datum_dimension_count": 2}
    return json.dumps(told | {"metadata": {"instrument": {"high_tension": 100000.0}}})


def nhdf(path: Path, values: np.ndarray = VALUES) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("data/abc", data=values).attrs["properties"] = _nion(values.ndim)


def ndata(path: Path, values: np.ndarray = VALUES) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("data.npy", "w") as file:
            np.save(file, values)
        archive.writestr("metadata.json", _nion(values.ndim))


def prz(path: Path) -> None:
    """Panta Rhei's file since version 24.03, whose metadata are text."""
    axis = {"unit": "m", "value": NM_PER_PX * 1e-9, "offset": 0.0, "pixel_factor": 1}
    told = {"type": "2D", "device.calib": [axis, axis], "electron_gun.voltage": 200000.0, "repo_id": "HAADF"}
    with path.open("wb") as file:
        np.savez_compressed(file, data=VALUES, meta_data_json=json.dumps([told]), file_format_version=2)


def npz(path: Path) -> None:
    np.savez_compressed(path, HAADF=VALUES, BF=VALUES[::-1])


def statstem(path: Path) -> None:
    """A MATLAB file as StatSTEM saves it: the image, its pixel size [A], and the model that is fitted to it."""
    told = {"obs": VALUES.astype(float), "dx": 10 * NM_PER_PX, "coordinates": np.ones((5, 3))}
    savemat(path, {"input": told, "output": {"model": VALUES / 2.0}})


def matlab_7_3(path: Path) -> None:
    """What StatSTEM saves in version 7.3 of MATLAB: HDF5 behind 512 bytes, indices in opposite order."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_group("input").attrs["MATLAB_class"] = np.bytes_("struct")
        for name, values in (("obs", VALUES.T), ("dx", np.array([[10 * NM_PER_PX]]))):
            file.create_dataset(f"input/{name}", data=values).attrs["MATLAB_class"] = np.bytes_("double")


def any_hdf5(path: Path) -> None:
    """A dataset whose dimensions have scales, as netCDF and xarray write it."""
    with h5py.File(path, "w") as file:
        image = file.create_dataset("entry/image", data=VALUES)
        for place, (name, size) in enumerate(zip("yx", VALUES.shape)):
            scale = file.create_dataset(f"entry/{name}", data=np.arange(size) * NM_PER_PX)
            scale.attrs["units"] = "nm"
            scale.make_scale(name)
            image.dims[place].attach_scale(scale)


def text(path: Path) -> None:
    """A text image, as ImageJ and Gwyddion write it."""
    np.savetxt(path, np.tile(VALUES, (2, 3)), fmt="%g", delimiter="\t", header="Channel: HAADF")


def atom_lattice(path: Path) -> None:
    """What atomap saves, of which the image and the atoms are read."""
    with h5py.File(path, "w") as file:
        file["image_data0"] = VALUES
        file["A_sublattice/atom_positions"] = [[1.0, 2.0], [9.0, 4.0], [5.0, 12.0]]


def tiff(path: Path) -> None:
    tifffile.imwrite(path, VALUES, compression="zlib", imagej=False, resolution=(5e8, 5e8), resolutionunit=3)


def compressed_tiff(path: Path) -> None:
    tifffile.imwrite(path, VALUES, compression="lzw", predictor=True)


def tiff_with_jpeg(path: Path) -> None:
    tifffile.imwrite(path, (VALUES // 16).astype(np.uint8), compression="jpeg")


def ome_tiff(path: Path) -> None:
    side = {
        "PhysicalSizeX": NM_PER_PX,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": NM_PER_PX,
        "PhysicalSizeYUnit": "nm",
    }
    tifffile.imwrite(path, VALUES, ome=True, metadata={"axes": "YX"} | side)


def imagej_tiff(path: Path) -> None:
    tifffile.imwrite(path, VALUES, imagej=True, resolution=(50, 50), metadata={"unit": "nm"})


def with_pillow(path: Path) -> None:
    """PNG, JPEG, BMP."""
    Image.fromarray((VALUES // 16).astype(np.uint8)).save(path)


def npy(path: Path) -> None:
    np.save(path, VALUES)


def mrc(path: Path, values: np.ndarray = VALUES, nm_per_px: float = NM_PER_PX, order: str = "<") -> None:
    """MRC2014: 256 words, then rows from the bottom."""
    frames, rows, columns = (1, *values.shape)[-3:]
    header = np.zeros(256, f"{order}i4")
    header[[0, 1, 2, 3]] = columns, rows, frames, 6  # unsigned 16 bit
    header[[7, 8, 9]] = columns, rows, frames
    header[10:16] = np.array([columns * 10 * nm_per_px, rows * 10 * nm_per_px, 1, 90, 90, 90], f"{order}f4").view(
        header.dtype
    )
    told = bytearray(header.tobytes())
    told[208:216] = b"MAP " + (b"\x44\x44\0\0" if order == "<" else b"\x11\x11\0\0")
    path.write_bytes(told + values.astype(values.dtype.newbyteorder(order)).tobytes())


def ser(path: Path, values: np.ndarray = VALUES) -> None:
    """TIA's series of images, each from its bottom row (version 0x210)."""
    frames = values.reshape(-1, *values.shape[-2:])
    number, rows, columns = frames.shape
    dimension = struct.pack("<IddI", number, 0.0, 1.0, 0) + struct.pack("<I", 0) * 2
    header = struct.pack("<HHHIIIIII", 0x4949, 0x0197, 0x210, 0x4122, 0x4152, number, number, 30 + len(dimension), 1)
    element = struct.pack("<ddIddIHII", 0, NM_PER_PX * 1e-9, 0, 0, NM_PER_PX * 1e-9, 0, 2, columns, rows)
    size, start = len(element) + frames[0].nbytes, 30 + len(dimension) + 8 * number
    places = [start + n * size for n in range(number)] + number * [start + number * size]  # of images, then of tags
    images = b"".join(element + frame[::-1].tobytes() for frame in frames)
    path.write_bytes(header + dimension + struct.pack(f"<{2 * number}I", *places) + images + bytes(8 * number))


def emi(path: Path, values: np.ndarray = VALUES, detectors: tuple[str, ...] = ("HAADF",)) -> None:
    """TIA's description of the series beside it and their images, each turned upside down to that before."""
    mode = "<Data><Label>Mode</Label><Value>STEM nP SA Zoom Image</Value><Unit></Unit></Data>"
    voltage = "<AcceleratingVoltage>200000</AcceleratingVoltage>"
    described = f"<ExperimentalDescription><Root>{mode}</Root></ExperimentalDescription>"
    text = f"<ObjectInfo>{voltage}<AcquireDate>Thu Nov 26 10:00:00 2026</AcquireDate>{described}</ObjectInfo>".encode()
    parts = [b"\x4a\x4b" + bytes(30)]
    for number, detector in enumerate(detectors, start=1):
        image = values if number % 2 else values[..., ::-1, :]
        rows, columns = image.shape[-2:]
        parts += [f"Acquire {detector} Scanning Display1".encode(), bytes(9), f"Acquire {detector}p".encode(), bytes(9)]
        if image.ndim == 2:
            parts += [b"\x22\x02\x02", struct.pack("<3I", 8 + image.nbytes, columns, rows), image[::-1].tobytes()]
            parts += [tag + struct.pack("<d", NM_PER_PX * 1e-9) for tag in (b"\x41\x00\x20\x01", b"\x41\x00\x30\x01")]
        parts += [b"Real Space", bytes(9), rf"C:\{path.stem}_{number}.ser2".encode(), bytes(9), text, bytes(30)]
        ser(path.with_name(f"{path.stem}_{number}.ser"), image)
    path.write_bytes(b"".join(parts))


def digital_micrograph(path: Path, values: np.ndarray = VALUES) -> None:
    """Gatan's tags that an image needs, in version 3 or 4 by the ending."""
    version = int(path.suffix[-1])
    long = struct.Struct(">i" if version == 3 else ">q").pack

    def named(kind: int, name: str, content: bytes) -> bytes:
        size = b"" if version == 3 else struct.pack(">q", len(content))
        return struct.pack(">BH", kind, len(name)) + name.encode() + size + content

    def group(name: str, *tags: bytes) -> bytes:
        return named(20, name, b"\0\0" + long(len(tags)) + b"".join(tags))

    def number(name: str, value: float, kind: int, code: str) -> bytes:
        return named(21, name, b"%%%%" + long(1) + long(kind) + struct.pack(code, value))

    def array(name: str, values: np.ndarray) -> bytes:
        return named(21, name, b"%%%%" + long(3) + long(20) + long(4) + long(values.size) + values.tobytes())

    def calibration(name: str, scale: float, units: str) -> bytes:
        text = np.frombuffer(units.encode("utf-16-le"), "<u2")
        return group(name, number("Origin", 0, 6, "<f"), number("Scale", scale, 6, "<f"), array("Units", text))

    sizes, of_frames = values.shape[::-1], [calibration("", 1.0, "")] * (values.ndim - 2)
    data = group(
        "ImageData",
        group(
            "Calibrations",
            calibration("Brightness", 1.0, ""),
            group("Dimension", *[calibration("", NM_PER_PX, "nm")] * 2, *of_frames),
        ),
        array("Data", values),
        number("DataType", 10, 5, "<I"),
        group("Dimensions", *(number("", size, 5, "<I") for size in sizes)),
    )
    tags = group("ImageList", group("", data, group("ImageTags"), array("Name", np.frombuffer(b"i\0", "<u2"))))
    root = b"\0\0" + long(1) + tags
    path.write_bytes(struct.pack(">i", version) + long(len(root)) + struct.pack(">i", 1) + root + bytes(8))
