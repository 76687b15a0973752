// The end-to-end suite. It uses the standard library only: what it talks to are processes.
module slicegate.dev/tests/e2e

go 1.26.0
