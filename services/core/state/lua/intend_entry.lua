-- Note which entry a resumable upload is about to become.
-- USES is_writable
-- KEYS uploads, upload, lease
-- ARGV id, token
-- ARGV intended: what the entry is found by, as JSON
-- Returns 1, or 0 if this run may not write to the upload any more
if not is_writable(uploads, lease, id, token) then
  return 0
end
redis.call('HSET', upload, 'intended', intended)
return 1
