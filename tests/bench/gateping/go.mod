module telpher.dev/gateping

go 1.24.0
