-- Put a staged catalog in the place of the live one at one instant. The live one is put aside as `clear` does it.
-- KEYS entries, order, expiry, sequence, revision, changes, epoch, staged entries, staged order, staged expiry,
--      undescribed
-- ARGV number of entries that were staged, 1 when the live catalog must never have been written to,
--      prefix of what is put aside, seconds for which it can be read, seconds for which it is kept,
--      changes that are kept, request id, traceparent
-- Needs log_change.lua before it.
-- Returns {'restored', number of the change} or {'lost', ''} when not all is staged, or {'taken', ''}
local count = tonumber(ARGV[1])
if redis.call('HLEN', KEYS[8]) ~= count or redis.call('ZCARD', KEYS[9]) ~= count then
  return {'lost', ''}
end
if ARGV[2] == '1' and redis.call('EXISTS', KEYS[1], KEYS[5]) > 0 then
  return {'taken', ''}
end
local aside = ARGV[3] .. (redis.call('GET', KEYS[7]) or '0')
redis.call('SET', aside, 1, 'EX', ARGV[4])
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('RENAME', KEYS[1], aside .. ':entries')
  redis.call('RENAME', KEYS[2], aside .. ':order')
  redis.call('EXPIRE', aside .. ':entries', ARGV[5])
  redis.call('EXPIRE', aside .. ':order', ARGV[5])
end
redis.call('UNLINK', KEYS[3])
for at = 1, 3 do
  if redis.call('EXISTS', KEYS[7 + at]) == 1 then
    redis.call('RENAME', KEYS[7 + at], KEYS[at])
    redis.call('PERSIST', KEYS[at])
  end
end
-- Numbers only grow: one that was given is never given again.
if tonumber(redis.call('GET', KEYS[4]) or '0') < count then
  redis.call('SET', KEYS[4], count)
end
-- What it has no facts about is described by a job.
redis.call('XADD', KEYS[11], '*', 'all', 1)
local change = log_change(KEYS[6], KEYS[5], ARGV[6], 'kind', 'replaced', 'request_id', ARGV[7], 'traceparent', ARGV[8])
redis.call('SET', KEYS[7], change)
return {'restored', change}
