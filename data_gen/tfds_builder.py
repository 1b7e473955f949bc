"""Downloads through TensorFlow Datasets, with one clear line when that fails."""

from typing import TYPE_CHECKING

from data_gen.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_NETWORK_TIMEOUT = 10.0  # seconds


def prepare(builder: "tfds.core.DatasetBuilder", what: str, host: str) -> None:
    """Downloads and prepares a data set, unless that was done before.

    Args:
        builder: the builder of the data set.
        what: the name of the data set, for the message.
        host: the address that it is downloaded from. It is asked first, since TensorFlow Datasets
            would retry for minutes without a network.

    Raises:
        UserError: if it cannot be downloaded.
    """
    if builder.is_prepared():
        return
    import requests
    from tensorflow_datasets.core.download import download_manager, util

    try:
        requests.head(host, timeout=_NETWORK_TIMEOUT)
        builder.download_and_prepare()
    except ImportError as error:
        raise UserError(f"expected what TensorFlow Datasets needs for {what}; {error}") from error
    except (
        requests.exceptions.RequestException,
        util.DownloadError,
        download_manager.NonMatchingChecksumError,
    ) as error:
        raise UserError(
            f"expected to download {what} from {host}, got {type(error).__name__}; "
            "name a folder that has it with `data_dir`, or take `dataset=glyphs`"
        ) from error
