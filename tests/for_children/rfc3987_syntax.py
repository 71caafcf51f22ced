"""In the way of a grammar of IRIs, which takes each process of a Ray a second to build.

Ray imports jsonschema, which takes this package where it is installed: the tests of documents ask
for it. What checks documents with it runs in the process of the tests and finds the real one.
"""

raise ImportError("not needed in processes that tests start")
