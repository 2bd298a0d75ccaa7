<?php

declare(strict_types=1);

namespace Tada\Media;

/** A file to upload: one on the disk, which is sent in pieces, or bytes in memory. */
final class File
{
    private function __construct(
        private readonly ?string $path,
        private readonly string $bytes,
        private readonly string $name,
    ) {
    }

    /** A file on the disk, maybe with another name. */
    public static function at(string $path, ?string $name = null): self
    {
        if (!is_file($path) || !is_readable($path)) {
            throw new TadaError("$path cannot be read.", 'no_file', sent: false);
        }
        return new self($path, '', $name ?? basename($path));
    }

    public static function bytes(string $bytes, string $name): self
    {
        return new self(null, $bytes, $name);
    }

    /** @internal */
    public static function of(string|self $file): self
    {
        return is_string($file) ? self::at($file) : $file;
    }

    public function sha256(): string
    {
        return $this->path === null ? hash('sha256', $this->bytes) : (string) hash_file('sha256', $this->path);
    }

    /** @internal */
    public function part(): \CURLFile|\CURLStringFile
    {
        $type = 'application/octet-stream';
        return $this->path === null
            ? new \CURLStringFile($this->bytes, $this->name, $type)
            : new \CURLFile($this->path, $type, $this->name);
    }
}
