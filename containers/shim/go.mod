module telpher.dev/shim

go 1.25
