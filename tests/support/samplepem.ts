/** A self-signed certificate, whose key nobody has. */
export const sampleCertificate = `-----BEGIN CERTIFICATE-----
MIIBeDCCAR+gAwIBAgIUYLea3qfpwuDsmIl1lSunvesZQQAwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGc2FtcGxlMCAXDTI2MTEyNDA5NDcxM1oYDzIxMjYxMDMxMDk0
NzEzWjARMQ8wDQYDVQQDDAZzYW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AASUg4YqUeJuJm99cJEAS8JUyr3v7I9s/ZYbUoD58wQIGV7ffiapf65FycKM7iHo
gHvHQJ26yXCT1ZuzOVglQ3mCo1MwUTAdBgNVHQ4EFgQU+vaNcAfGNWoUv6iPtJfD
nnM/7NwwHwYDVR0jBBgwFoAU+vaNcAfGNWoUv6iPtJfDnnM/7NwwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAW3/tdGF51t1PWsPw1y0+JlSyx8DHU
YpcgU8lv/tiIRwIgI3UVZRjooZlmZbf3OgjgdiAfDyxZaRUY2ALNl9IytkE=
-----END CERTIFICATE-----
`

/** Looks like a key, and is none. */
export const sampleKey = '-----BEGIN PRIVATE KEY-----\nc2FtcGxl\n-----END PRIVATE KEY-----\n'
