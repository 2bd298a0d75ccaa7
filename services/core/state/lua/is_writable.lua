-- Say whether a run may write to a resumable upload: it has the lease, and the upload is open.
local function is_writable(uploads, lease, id, token)
  local clock = redis.call('TIME')
  local ends_at = redis.call('ZSCORE', uploads, id)
  return redis.call('GET', lease) == token and ends_at and tonumber(ends_at) > tonumber(clock[1])
end
