-- Put the live catalog aside for its readers: it can be read for `read_seconds`, and it stays for a while longer.
local function put_aside(entries, order, expiry, uuids, epoch, aside, read_seconds, aside_seconds)
  local old = aside .. (redis.call('GET', epoch) or '0')
  redis.call('SET', old, 1, 'EX', read_seconds)
  if redis.call('EXISTS', entries) == 1 then
    redis.call('RENAME', entries, old .. ':entries')
    redis.call('RENAME', order, old .. ':order')
    redis.call('EXPIRE', old .. ':entries', aside_seconds)
    redis.call('EXPIRE', old .. ':order', aside_seconds)
  end
  redis.call('UNLINK', expiry, uuids)
end
