-- Removes a target and its account with all of its versions, if it is still the one that was read.
-- KEYS: 1 records (hash)  2 accounts (hash)  3 journal of its rotations (hash)  4 due (sorted set)  5 uses (hash)
-- ARGV: 1 name  2 target (JSON) as read  3 account id  4... fields of its uses
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
local rotation = redis.call('HGET', KEYS[3], 'rotation')
if rotation then
  for _, version in ipairs(cjson.decode(rotation)['kept']) do
    redis.call('HDEL', KEYS[2], ARGV[3] .. '#' .. string.format('%.0f', version))
  end
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[3])
redis.call('DEL', KEYS[3])
redis.call('ZREM', KEYS[4], ARGV[1])
for at = 4, #ARGV do redis.call('HDEL', KEYS[5], ARGV[at]) end
return 1
