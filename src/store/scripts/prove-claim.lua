-- Proves that a worker may be answered: that it holds the attempt now, and did not ask this before.
-- KEYS: 1 jobs (hash)  2 marks (hash)
-- ARGV: 1 job id  2 attempt  3 worker  4 ms that a renewal proves  5 number of the request  6 entry of the request  7 '1' when a hold is needed
-- Returns 'proven', 'lost', 'unproven' or 'repeated'
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored then return 'lost' end
if ARGV[7] == '1' then
  local job = cjson.decode(stored)
  local active = job.status == 'preparing' or job.status == 'running' or job.status == 'verifying'
  if not active or job.attempt ~= tonumber(ARGV[2]) or job.worker ~= ARGV[3] then return 'lost' end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local renewed = tonumber(redis.call('HGET', KEYS[2], 'renewed:' .. ARGV[1]) or '0')
  if now - renewed > tonumber(ARGV[4]) then return 'unproven' end
end
local field = 'asked:' .. ARGV[1]
local attempt, number, entry = string.match(redis.call('HGET', KEYS[2], field) or '', '^(%d+) (%d+) (.*)$')
attempt = tonumber(attempt or '0')
if attempt > tonumber(ARGV[2]) then return 'repeated' end
if attempt == tonumber(ARGV[2]) then
  -- A server that takes over from one that died has the same entry.
  if tonumber(ARGV[5]) < tonumber(number) then return 'repeated' end
  if tonumber(ARGV[5]) == tonumber(number) then return entry == ARGV[6] and 'proven' or 'repeated' end
end
redis.call('HSET', KEYS[2], field, ARGV[2] .. ' ' .. ARGV[5] .. ' ' .. ARGV[6])
return 'proven'
