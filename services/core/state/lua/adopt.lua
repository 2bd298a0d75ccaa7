-- When a catalog service of the version before has changed anything, add a change of the whole catalog to the log.
-- KEYS stream of the version before, changes, revision
-- ARGV changes that are kept
-- Needs log_change.lua before it.
-- Returns 1 when there was anything
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local about = redis.call('XINFO', 'STREAM', KEYS[1])
for at = 1, #about, 2 do
  if about[at] == 'last-generated-id' and about[at + 1] == '0-0' then
    return 0
  end
end
redis.call('UNLINK', KEYS[1])
log_change(KEYS[2], KEYS[3], ARGV[1], 'kind', 'replaced')
return 1
