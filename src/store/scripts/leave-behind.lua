-- Closes the data to programs of older versions, unless one of them uses it.
-- KEYS: 1 programs (sorted set)  2 oldest (string)
-- ARGV: 1 the oldest version that may go on  2 ms after which one that is silent does not count
-- Returns the older programs that use it; when there are none it is closed
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local older = {}
for _, program in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now - tonumber(ARGV[2]), '+inf')) do
  if tonumber(string.match(program, '^%d+')) < tonumber(ARGV[1]) then older[#older + 1] = program end
end
if #older == 0 then redis.call('SET', KEYS[2], ARGV[1]) end
return older
