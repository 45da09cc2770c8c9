-- Removes a package that was not used for some time.
-- KEYS: 1 the package (hash)
-- ARGV: 1 ms since the epoch: what was used after it is kept
-- Returns 0 kept, 1 removed, 2 there was none
if redis.call('EXISTS', KEYS[1]) == 0 then return 2 end
-- One that is being uploaded expires by itself.
if redis.call('HEXISTS', KEYS[1], 'size') == 0 then return 0 end
local used = redis.call('HGET', KEYS[1], 'used')
if not used then
  -- A server of the version before stored it: its time begins now.
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'used', time[1] * 1000 + math.floor(time[2] / 1000))
  return 0
end
if tonumber(used) > tonumber(ARGV[1]) then return 0 end
redis.call('UNLINK', KEYS[1])
return 1
