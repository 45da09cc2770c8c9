-- Puts a sealed record in the place of the one that was read.
-- KEYS: 1 sealed records (hash)
-- ARGV: 1 id  2 record (JSON) as read  3 record (JSON)
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
