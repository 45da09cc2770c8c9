-- Takes entries in for the record; each has a token by which a repetition is known.
-- KEYS: 1 inbox (stream)
-- ARGV: token, entry (JSON) …
for index = 1, #ARGV, 2 do redis.call('XADD', KEYS[1], '*', 'k', ARGV[index], 'e', ARGV[index + 1]) end
return 1
