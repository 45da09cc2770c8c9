-- Removes a target and its account, if it is still the one that was read.
-- KEYS: 1 records (hash)  2 accounts (hash)
-- ARGV: 1 name  2 target (JSON) as read  3 account id
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[3])
return 1
