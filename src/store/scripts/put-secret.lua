-- Puts a new value of a secret in the place of the one that was read, or of none.
-- KEYS: 1 records (hash)  2 sealed (hash)
-- ARGV: 1 name  2 record (JSON) as read, or empty  3 record (JSON)  4 sealed (JSON)
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
return 1
