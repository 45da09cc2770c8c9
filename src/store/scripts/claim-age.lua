-- How long ago a claim was last proven, by the clock that noted it.
-- KEYS: 1 marks (hash)
-- ARGV: 1 job id
-- Returns ms, or nil where it never was
local renewed = redis.call('HGET', KEYS[1], 'renewed:' .. ARGV[1])
if not renewed then return nil end
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(renewed)
