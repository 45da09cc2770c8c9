-- Keeps the turn of an account for longer, or gives it back.
-- KEYS: 1 journal (hash)  2 due (sorted set)
-- ARGV: 1 target  2 token of the turn  3 ms, or 0 to give it back  4 when the account is to be looked at again, by the clock of Redis in ms
-- Returns 1, or 0 when the turn was lost
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[2] then return 0 end
if ARGV[3] == '0' then
  redis.call('HDEL', KEYS[1], 'until')
  redis.call('ZADD', KEYS[2], redis.call('HEXISTS', KEYS[1], 'wish') == 1 and 0 or ARGV[4], ARGV[1])
  return 1
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Held too long without a word: somebody else may be about to take it.
if tonumber(redis.call('HGET', KEYS[1], 'until') or '0') < now then return 0 end
redis.call('HSET', KEYS[1], 'until', now + ARGV[3])
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
return 1
