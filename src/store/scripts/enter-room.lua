-- enter-room
-- Lets a job into a room when there is a place for every turn before its own and one for itself. Turns are start tags of start-time
-- fair queueing (Goyal, Vin, Cheng 1996): each job of a deployment comes 1/weight after the one before it, and a deployment that comes
-- anew begins where the room is, so that none starves and many jobs of one do not stand before the few of another.
-- KEYS: 1 queue (sorted set)  2 holders (sorted set)  3 turns (sorted set)  4 asks (hash)
-- ARGV: 1 deployment  2 deployment/job  3 class: a lower one goes first  4 weight  5 places  6 jobs that wait with it
--       7 ms after which a deployment that did not ask again loses its place in the queue, not its turn
--       8 how many deployments to name at most
-- Returns { 1 when it is in or 0, deployments for which there is a place now, … }
local class = 1e12
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('ZSCORE', KEYS[2], ARGV[2]) then return { 1 } end
local served = tonumber(redis.call('HGET', KEYS[4], 'served') or '0')
local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 'nil')
if not score or math.floor(score / class) ~= tonumber(ARGV[3]) then
  local turn = math.max(served, tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or '0'))
  score = tonumber(ARGV[3]) * class + turn
  redis.call('ZADD', KEYS[1], score, ARGV[1])
end
redis.call('HSET', KEYS[4], 'ask:' .. ARGV[1], now .. ' ' .. ARGV[6] .. ' ' .. ARGV[4] .. ' ' .. ARGV[2])
local free = tonumber(ARGV[5]) - redis.call('ZCARD', KEYS[2])
local answer = { 0 }
local function name(deployment)
  if #answer <= tonumber(ARGV[8]) then answer[#answer + 1] = deployment end
end
-- Who stands at this index and still asks; who fell silent is taken out.
local function standing(index)
  while true do
    local found = redis.call('ZRANGE', KEYS[1], index, index, 'WITHSCORES')
    if not found[1] or found[1] == ARGV[1] then return found[1] end
    local at, waiting, weight = string.match(redis.call('HGET', KEYS[4], 'ask:' .. found[1]) or '', '^(%d+) (%d+) (%S+) ')
    if at and now - tonumber(at) < tonumber(ARGV[7]) then return found[1], tonumber(found[2]), tonumber(waiting), tonumber(weight) end
    redis.call('ZREM', KEYS[1], found[1])
    redis.call('HDEL', KEYS[4], 'ask:' .. found[1])
  end
end
local index = 0
while free > 0 do
  local deployment, before, waiting, weight = standing(index)
  if deployment == ARGV[1] then
    answer[1] = 1
    break
  end
  name(deployment)
  free = free - math.min(math.max(waiting, 1), 1 + math.floor((score - before) * weight))
  index = index + 1
end
if answer[1] == 0 then return answer end
if free > 1 then
  local behind = standing(index + 1)
  if behind then name(behind) end
end
local turn = score % class
served = math.max(served, turn)
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[4], 'ask:' .. ARGV[1])
redis.call('ZADD', KEYS[2], now, ARGV[2])
redis.call('HSET', KEYS[4], 'served', string.format('%.9f', served))
redis.call('ZADD', KEYS[3], turn + 1 / tonumber(ARGV[4]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', served)
return answer
