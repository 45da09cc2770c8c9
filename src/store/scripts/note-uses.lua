-- Notes when accounts were last used, each where its target is there and nothing newer is noted.
-- KEYS: 1 targets (hash)  2 uses (hash)
-- ARGV: for each: target, field, when (ms since the epoch), use (JSON)
for at = 1, #ARGV, 4 do
  local before = redis.call('HGET', KEYS[2], ARGV[at + 1])
  local newer = not before or cjson.decode(before)['at'] < tonumber(ARGV[at + 2])
  if newer and redis.call('HEXISTS', KEYS[1], ARGV[at]) == 1 then
    redis.call('HSET', KEYS[2], ARGV[at + 1], ARGV[at + 3])
  end
end
return 1
