<?php

declare(strict_types=1);

namespace Tada\WordPress;

use Tada\Media\Addresses;

/** The asset of an attachment, as it is stored with it, and its addresses. */
final class Asset
{
    public const META = '_tada_media';
    /** Of its own, so that attachments can be found by it. */
    public const UUID = '_tada_media_uuid';
    /** The paths below the uploads that lead to it, and its name in TADA (with a slash before it): several values. */
    public const PATH = '_tada_media_path';
    private const CACHE = 'tada_media';

    /** A picture in a page has no larger side: WordPress makes such a copy of larger ones, too. */
    private const LARGEST = 2560;
    private const PICTURES = ['image/jpeg', 'image/png', 'image/webp', 'image/gif'];
    /** Delivered as they are stored, under their own names. */
    private const AS_STORED = ['image/gif', 'image/svg+xml', 'application/pdf'];

    /** @param array<string, mixed> $stored */
    private function __construct(public readonly int $id, private readonly array $stored)
    {
    }

    public static function of(int $id): ?self
    {
        $stored = get_post_meta($id, self::META, true);
        return is_array($stored) && isset($stored['uuid']) ? new self($id, $stored) : null;
    }

    /**
     * Keep what an upload has answered.
     *
     * @param array<string, mixed> $entry
     * @param list<string> $paths below the uploads
     */
    public static function store(int $id, array $entry, string $sha256, array $paths): self
    {
        $extension = pathinfo((string) $entry['original_filename'], PATHINFO_EXTENSION);
        $stored = [
            'uuid' => $entry['uuid'],
            'name' => $entry['unique_name'],
            'extension' => $extension,
            'type' => $entry['original_mimetype'],
            'v' => Addresses::versionOf($entry),
            'width' => $entry['width'],
            'height' => $entry['height'],
            'signature' => $entry['signature'],
            'sha256' => $sha256,
        ];
        update_post_meta($id, self::META, wp_slash($stored));
        update_post_meta($id, self::UUID, $entry['uuid']);
        $known = get_post_meta($id, self::PATH);
        foreach ([...$paths, self::withoutExtension($entry['unique_name'])] as $path) {
            if (!in_array($path, $known, true)) {
                add_post_meta($id, self::PATH, wp_slash($path));
            }
            wp_cache_delete(md5($path), self::CACHE);
        }
        return new self($id, $stored);
    }

    /** The file on this machine is another one than that in TADA, which could not be replaced yet. */
    public static function setStale(int $id): void
    {
        $asset = self::of($id);
        if ($asset) {
            update_post_meta($id, self::META, wp_slash(['isStale' => true] + $asset->stored));
        }
    }

    /** Forget the asset of an attachment; the asset itself stays. */
    public static function forget(int $id): void
    {
        foreach (get_post_meta($id, self::PATH) as $path) {
            wp_cache_delete(md5($path), self::CACHE);
        }
        foreach ([self::META, self::UUID, self::PATH] as $key) {
            delete_post_meta($id, $key);
        }
    }

    /**
     * Return the attachments that paths lead to.
     *
     * @param list<string> $paths
     * @return array<string, int>
     */
    public static function find(array $paths): array
    {
        $found = $unknown = [];
        foreach (array_unique($paths) as $path) {
            $id = wp_cache_get(md5($path), self::CACHE);
            $id === false ? $unknown[] = $path : $found[$path] = (int) $id;
        }
        foreach ($unknown ? self::attachments(self::PATH, $unknown) : [] as $id) {
            foreach (array_intersect(get_post_meta($id, self::PATH), $unknown) as $path) {
                $found[$path] ??= $id;
            }
        }
        foreach ($unknown as $path) {
            wp_cache_set(md5($path), $found[$path] ?? 0, self::CACHE, HOUR_IN_SECONDS);
        }
        return array_filter($found);
    }

    /**
     * @param string|list<string> $values
     * @return list<int> the attachments that have one of these values
     */
    public static function attachments(string $key, string|array $values): array
    {
        $query = new \WP_Query([
            'post_type' => 'attachment',
            'post_status' => ['inherit', 'private', 'trash'],
            'posts_per_page' => -1,
            'orderby' => 'ID',
            'order' => 'ASC',
            'fields' => 'ids',
            'no_found_rows' => true,
            'meta_query' => [['key' => $key, 'value' => (array) $values, 'compare' => 'IN']],
        ]);
        update_meta_cache('post', $query->posts);
        return $query->posts;
    }

    public static function withoutExtension(string $name): string
    {
        return (string) preg_replace('~\.[^./]*$~', '', $name);
    }

    public function uuid(): string
    {
        return $this->stored['uuid'];
    }

    /** The name in TADA, without its extension. */
    public function stem(): string
    {
        return self::withoutExtension($this->stored['name']);
    }

    public function isStale(): bool
    {
        return !empty($this->stored['isStale']);
    }

    public function isOf(string $sha256): bool
    {
        return $this->stored['sha256'] === $sha256;
    }

    /** @return array<string, mixed> what the library for PHP needs to know of an entry */
    public function entry(): array
    {
        return [
            'unique_name' => $this->stored['name'],
            'original_filename' => 'x.' . $this->stored['extension'],
            'signature' => $this->stored['signature'],
            'width' => $this->stored['width'],
            'height' => $this->stored['height'],
        ];
    }

    /** @return array{int, int}|null the pixels of a picture */
    public function size(): ?array
    {
        $isPicture = in_array($this->stored['type'], self::PICTURES, true);
        return $isPicture && $this->stored['width'] ? [$this->stored['width'], $this->stored['height']] : null;
    }

    /** @return array{int, int}|null the pixels of the largest one that pages show */
    public function shown(): ?array
    {
        $size = $this->size();
        return $size ? wp_constrain_dimensions($size[0], $size[1], self::LARGEST, self::LARGEST) : null;
    }

    public function url(mixed ...$wanted): string
    {
        $version = $this->stored['v'] ? ['v' => $this->stored['v']] : [];
        return Settings::addresses()->url($this->entry(), ...$wanted, ...$version);
    }

    /** The address of the file, or of the largest picture that pages show. */
    public function whole(): string
    {
        if (in_array($this->stored['type'], self::AS_STORED, true)) {
            return $this->url(original: true);
        }
        return $this->shown() === $this->size() ? $this->url() : $this->url(width: $this->shown()[0]);
    }

    /** Return an address of it, in any spelling, as it is now: with its version, at the present place. */
    public function renewed(string $address): string
    {
        [$path, $query] = explode('?', html_entity_decode($address), 2) + [1 => ''];
        $isKept = static fn ($part) => $part !== '' && !preg_match('~^(?:v|signature|expires)(?:=|$)~i', $part);
        $parts = array_filter(explode('&', $query), $isKept);
        if ($this->stored['v']) {
            $parts[] = "v={$this->stored['v']}";
        }
        $base = Settings::service()['base'];
        foreach (Settings::service()['bases'] as $earlier) {
            if (str_starts_with($path, "$earlier/")) {
                $path = $base . substr($path, strlen($earlier));
                break;
            }
        }
        $renewed = $path . ($parts ? '?' . implode('&', $parts) : '');
        return Settings::get('signing_key') === '' ? $renewed : Settings::addresses()->sign($renewed);
    }
}
