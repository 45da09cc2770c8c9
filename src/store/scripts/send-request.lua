-- Puts a request before the brokers.
-- KEYS: 1 requests (stream)
-- ARGV: 1 bound of the stream  2… fields and values
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, 2))
return 1
