-- KEYS: 1 records (hash)  2 seen (sorted set)
-- Returns { id, ms, record, id, ms, record, … }
local answer = {}
local seen = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
for index = 1, #seen, 2 do
  local record = redis.call('HGET', KEYS[1], seen[index])
  if record then
    answer[#answer + 1] = seen[index]
    answer[#answer + 1] = seen[index + 1]
    answer[#answer + 1] = record
  end
end
return answer
