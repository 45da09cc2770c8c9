module telpher.dev/shim

go 1.24
