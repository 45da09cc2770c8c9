-- Stores a piece of an upload; twice the same changes nothing.
-- KEYS: 1 the upload (hash)
-- ARGV: 1 number of the piece  2 bytes  3 ms until an unfinished upload is forgotten
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
