-- Says in a log that no more comes; lines that come all the same stand after it.
-- KEYS: 1 log (hash)  2 tail (stream)   ARGV: 1 retention in ms
local lines = tonumber(redis.call('HGET', KEYS[1], 'lines') or '0')
local ends = redis.call('HINCRBY', KEYS[1], 'ends', 1)
redis.call('HSET', KEYS[1], 'over', 1)
redis.call('XADD', KEYS[2], string.format('%.0f-%.0f', lines, ends), 'end', '1')
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[1]) end
return 1
