-- enter-room
-- Lets a job into a room when there is a place and it is its deployment's turn. Turns are start tags of start-time fair queueing
-- (Goyal, Vin, Cheng 1996): each job of a deployment comes 1/weight after the one before it, and a deployment that comes anew begins
-- where the room is, so that none starves and many jobs of one do not stand before the few of another.
-- KEYS: 1 queue (sorted set)  2 holders (sorted set)  3 turns (sorted set)  4 asks (hash)
-- ARGV: 1 deployment  2 deployment/job  3 class: a lower one goes first  4 weight  5 places  6 jobs that wait with it
--       7 ms after which a deployment that did not ask again loses its place in the queue, not its turn
-- Returns { 1 } when it is in, else { 0, deployment whose turn it is, jobs in the room }
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
redis.call('HSET', KEYS[4], 'ask:' .. ARGV[1], now .. ' ' .. ARGV[6] .. ' ' .. ARGV[2])
local first = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
while first ~= ARGV[1] do
  local asked = redis.call('HGET', KEYS[4], 'ask:' .. first) or '0'
  if now - tonumber(string.match(asked, '^%d+')) < tonumber(ARGV[7]) then break end
  redis.call('ZREM', KEYS[1], first)
  redis.call('HDEL', KEYS[4], 'ask:' .. first)
  first = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
end
local inside = redis.call('ZCARD', KEYS[2])
if first ~= ARGV[1] or inside >= tonumber(ARGV[5]) then return { 0, first, inside } end
local turn = score % class
served = math.max(served, turn)
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[4], 'ask:' .. ARGV[1])
redis.call('ZADD', KEYS[2], now, ARGV[2])
redis.call('HSET', KEYS[4], 'served', string.format('%.9f', served))
redis.call('ZADD', KEYS[3], turn + 1 / tonumber(ARGV[4]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', served)
return { 1 }
