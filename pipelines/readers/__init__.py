"""The readers: a file of some format -> episodes with their streams, or a reason why not.

`READERS` maps the name of a reader to the `name@version` that it leaves in every row it wrote: a
new version is new work for every file it takes. The reader `x` is the value `READER` of the module
`x` beside this one, and has its page in `docs/readers/`. Where two take a file, the first has it.
"""

READERS = {
    "doom": "doom@2",
    "events": "events@2",
    "mcap": "mcap@2",
    "video": "video@2",
    "vpt": "vpt@2",
}
