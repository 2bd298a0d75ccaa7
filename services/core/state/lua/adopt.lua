-- Add a change of the whole catalog to the log if a catalog service of the previous version has changed anything.
-- USES log_change
-- KEYS before: the stream of changes of the previous version
-- KEYS changes, revision
-- ARGV kept: changes that stay in the log
-- Returns 1 if there was anything
if redis.call('EXISTS', before) == 0 then
  return 0
end
local about = redis.call('XINFO', 'STREAM', before)
for at = 1, #about, 2 do
  if about[at] == 'last-generated-id' and about[at + 1] == '0-0' then
    return 0
  end
end
redis.call('UNLINK', before)
log_change(changes, revision, kept, 'kind', 'replaced', 'event', '["catalog.replaced",null,{"cause":"upgrade"}]')
return 1
