-- Note that a part of a resumable upload is about to be stored. Until it is recorded it does not belong to the upload.
-- USES is_writable
-- KEYS uploads, parts, lease
-- ARGV id, token, storage_key
-- Returns 1, or 0 if this run may not write to the upload any more
if not is_writable(uploads, lease, id, token) then
  return 0
end
redis.call('HSETNX', parts, storage_key, 0)
return 1
