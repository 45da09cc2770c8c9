-- Stores a target with its sealed account.
-- KEYS: 1 records (hash)  2 accounts (hash)
-- ARGV: 1 name  2 target (JSON)  3 account id  4 sealed record (JSON)
-- Returns 0 when the name is taken by another target; the same one again (a lost answer) is fine.
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and known ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return 1
