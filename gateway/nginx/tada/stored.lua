--- The keys of the copies in one folder of nginx' cache. Runs in a thread, because a disk can be slow.

local ffi = require "ffi"

ffi.cdef [[
typedef struct {
    uint64_t number;
    int64_t offset;
    unsigned short length;
    unsigned char kind;
    char name[256];
} tada_dirent;
void *opendir(const char *path);
tada_dirent *readdir(void *folder);
int closedir(void *folder);
]]

local HEAD = 8192 -- bytes: nginx' own header, then the line KEY:

local _M = {}

--- Return the keys, one on each line.
function _M.keys(path)
    local folder = ffi.C.opendir(path)
    if folder == nil then
        return ""
    end
    local found = {}
    local entry = ffi.C.readdir(folder)
    while entry ~= nil do
        local name = ffi.string(entry.name)
        local file = #name == 32 and io.open(path .. "/" .. name, "rb")
        if file then
            local key = (file:read(HEAD) or ""):match("\nKEY: ([^\n]*)\n")
            file:close()
            found[#found + 1] = key
        end
        entry = ffi.C.readdir(folder)
    end
    ffi.C.closedir(folder)
    return table.concat(found, "\n")
end

return _M
