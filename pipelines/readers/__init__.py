"""The readers: a file of some format -> episodes with their streams, or a reason why not.

`READERS` maps the name of a reader to the `name@version` that it leaves in every row it wrote: a
new version is new work for every file it takes. The reader `x` is the value `READER` of the module
`x` beside this one, and has its page in `docs/readers/`. Where two take a file, the first has it.
"""

READERS = {
    "lerobot": "lerobot@5",
    "euroc": "euroc@3",
    "tum": "tum@3",
    "zarr_buffer": "zarr_buffer@4",
    "ardupilot": "ardupilot@3",
    "doom": "doom@5",
    "events": "events@6",
    "gym": "gym@4",
    "hdf5": "hdf5@4",
    "owamcap": "owamcap@2",
    "mcap": "mcap@5",
    "npy": "npy@4",
    "owl": "owl@5",
    "ros_bag": "ros_bag@4",
    "ros2_bag": "ros2_bag@4",
    "ttyrec": "ttyrec@3",
    "ulog": "ulog@4",
    "video": "video@5",
    "vpt": "vpt@5",
}
