"""The readers: a file of some format -> an episode with its streams, or a reason why not.

`READERS` maps the name of a reader to the `name@version` that it leaves in every row it wrote: a
new version of a reader is new work for every file it takes.
"""

READERS = {
    "video": "video@1",
    "doom": "doom@1",
    "vpt": "vpt@1",
    "events": "events@1",
    "mcap": "mcap@1",
    "hdf5": "hdf5@1",
    "ulog": "ulog@1",
}
