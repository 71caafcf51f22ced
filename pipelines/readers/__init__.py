"""The readers: a file of some format -> episodes with their streams, or a reason why not.

`READERS` maps the name of a reader to the `name@version` that it leaves in every row it wrote: a
new version is new work for every file it takes. The reader `x` is the value `READER` of the module
`x` beside this one, and has its page in `docs/readers/`. Where two take a file, the first has it.
"""

READERS = {
    "lerobot": "lerobot@5",
    "euroc": "euroc@2",
    "tum": "tum@2",
    "zarr_buffer": "zarr_buffer@3",
    "ardupilot": "ardupilot@2",
    "doom": "doom@5",
    "events": "events@6",
    "gym": "gym@4",
    "hdf5": "hdf5@3",
    "owamcap": "owamcap@2",
    "mcap": "mcap@4",
    "npy": "npy@3",
    "owl": "owl@5",
    "ros_bag": "ros_bag@3",
    "ros2_bag": "ros2_bag@3",
    "ttyrec": "ttyrec@2",
    "ulog": "ulog@3",
    "video": "video@5",
    "vpt": "vpt@5",
}
