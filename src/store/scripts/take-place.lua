-- Gives who asks one of so many places in a cluster, until a time; or keeps it for longer. Processes that wait take turns: who was given a
-- place stands behind the others with the next.
-- KEYS: 1 places (sorted set: holder by until when)  2 queue (hash: process -> since when it waits, when it last asked)
-- ARGV: 1 holder  2 process, or '' to keep what is held  3 places  4 ms until it is another's  5 ms after which a process that did not ask again has left the queue
-- Returns 1, or 0 when there is none: one that was kept too late is lost
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
-- The answer to the same question may have been lost.
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if ARGV[2] == '' then return 0 end
  local free = tonumber(ARGV[3]) - redis.call('ZCARD', KEYS[1])
  local mine = string.match(redis.call('HGET', KEYS[2], ARGV[2]) or '', '^(%d+) ') or string.format('%.0f', now)
  local queue = redis.call('HGETALL', KEYS[2])
  local before = 0
  for index = 1, #queue, 2 do
    local since, asked = string.match(queue[index + 1], '^(%d+) (%d+)$')
    if now - tonumber(asked) > tonumber(ARGV[5]) then
      redis.call('HDEL', KEYS[2], queue[index])
    elseif queue[index] ~= ARGV[2] and (tonumber(since) < tonumber(mine) or (since == mine and queue[index] < ARGV[2])) then
      before = before + 1
    end
  end
  if before >= free then
    redis.call('HSET', KEYS[2], ARGV[2], mine .. ' ' .. string.format('%.0f', now))
    redis.call('PEXPIRE', KEYS[2], ARGV[4])
    return 0
  end
  redis.call('HDEL', KEYS[2], ARGV[2])
end
redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
