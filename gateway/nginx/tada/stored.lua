--- The copies in nginx' cache: their keys, and what nginx has noted at the beginning of each. Runs in a thread, because
-- a disk can be slow.

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
typedef struct { /* ngx_http_file_cache_header_t of nginx 1.12 and later */
    uintptr_t version;
    int64_t valid;
    int64_t updating;
    int64_t error;
    int64_t modified;
    int64_t stored;
    uint32_t sum;
    unsigned short milliseconds;
    unsigned short head_at;
    unsigned short body_at;
} tada_stored;
]]

local HEAD = 8192 -- bytes: nginx' own header, then the line KEY:, then the head of the answer
local HEADER_VERSION = 5

local _M = {}

local function add_keys(path, found)
    local folder = ffi.C.opendir(path)
    if folder == nil then
        return
    end
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
end

--- Return the keys in some folders, each of both in a line.
function _M.keys(paths)
    local found = {}
    for path in paths:gmatch("[^\n]+") do
        add_keys(path, found)
    end
    return table.concat(found, "\n")
end

local function head_of(path)
    local file = io.open(path, "rb")
    if not file then
        return "-"
    end
    local text, size = file:read(HEAD) or "", file:seek("end")
    file:close()
    if #text < ffi.sizeof("tada_stored") then
        return "-"
    end
    local head = ffi.cast("const tada_stored *", text)
    local status = text:sub(head.head_at + 1):match("^HTTP/%S+ (%d+)")
    if tonumber(head.version) ~= HEADER_VERSION or not status then
        return "-"
    end
    return string.format("%d %s %d %d", size - head.body_at, status, tonumber(head.stored), tonumber(head.valid))
end

--- Return `{bytes} {status} {stored} {valid}` of each file, each in a line; `-` for one that is not there.
function _M.heads(paths)
    local found = {}
    for path in paths:gmatch("[^\n]+") do
        found[#found + 1] = head_of(path)
    end
    return table.concat(found, "\n")
end

return _M
