-- Stores a piece of a package that is not complete yet.
-- KEYS: 1 the package (hash)
-- ARGV: 1 number of the piece  2 bytes  3 ms until an unfinished upload is forgotten
if redis.call('HEXISTS', KEYS[1], 'size') == 1 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
