-- Writes a step of a rotation: the journal, what the target shows of its account, and the sealed records, or nothing.
-- KEYS: 1 journal (hash)  2 due (sorted set)  3 targets (hash)  4 accounts (hash)
-- ARGV: 1 target  2 token of the turn  3 journal (JSON) as read  4 journal (JSON)  5 ms that the turn is kept  6 target (JSON) as read  7 target (JSON)
--       8 id of the wish that was answered, or ''  9… changes of the records in order: 'put' field JSON, 'move' from to, 'drop' field ''
-- Returns { 1, wish (JSON) or '', ms of Redis }; { 0 } when the turn was lost, { -1 } when the target is not as it was read
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[2] then return { 0 } end
local stored = redis.call('HGET', KEYS[1], 'rotation')
-- The answer to the same write may have been lost.
if stored ~= ARGV[4] then
  if stored ~= ARGV[3] then return { 0 } end
  if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[6] then return { -1 } end
  for index = 9, #ARGV, 3 do
    local change, field, value = ARGV[index], ARGV[index + 1], ARGV[index + 2]
    if change == 'put' then
      redis.call('HSET', KEYS[4], field, value)
    elseif change == 'move' then
      redis.call('HSET', KEYS[4], value, redis.call('HGET', KEYS[4], field))
      redis.call('HDEL', KEYS[4], field)
    else
      redis.call('HDEL', KEYS[4], field)
    end
  end
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[7])
  redis.call('HSET', KEYS[1], 'rotation', ARGV[4])
end
redis.call('HSET', KEYS[1], 'until', now + ARGV[5])
redis.call('ZADD', KEYS[2], now + ARGV[5], ARGV[1])
local wish = redis.call('HGET', KEYS[1], 'wish') or ''
if ARGV[8] ~= '' and wish ~= '' and cjson.decode(wish)['id'] == ARGV[8] then
  redis.call('HDEL', KEYS[1], 'wish')
  wish = ''
end
return { 1, wish, string.format('%.0f', now) }
