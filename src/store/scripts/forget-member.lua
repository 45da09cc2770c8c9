-- Takes a member off a sorted set, if its score is the one that was read.
-- KEYS: 1 sorted set
-- ARGV: 1 member  2 score
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '-1') ~= tonumber(ARGV[2]) then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
