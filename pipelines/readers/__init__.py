"""The readers: a file of some format -> episodes with their streams, or a reason why not.

`READERS` maps the name of a reader to the `name@version` that it leaves in every row it wrote: a
new version is new work for every file it takes. The reader `x` is the value `READER` of the module
`x` beside this one, and has its page in `docs/readers/`. Where two take a file, the first has it.
"""

READERS = {
    "lerobot": "lerobot@2",
    "euroc": "euroc@1",
    "tum": "tum@1",
    "zarr_buffer": "zarr_buffer@1",
    "doom": "doom@3",
    "events": "events@3",
    "gym": "gym@2",
    "hdf5": "hdf5@1",
    "mcap": "mcap@2",
    "npy": "npy@1",
    "owl": "owl@2",
    "ros_bag": "ros_bag@1",
    "ros2_bag": "ros2_bag@1",
    "ttyrec": "ttyrec@1",
    "ulog": "ulog@1",
    "video": "video@2",
    "vpt": "vpt@3",
}
