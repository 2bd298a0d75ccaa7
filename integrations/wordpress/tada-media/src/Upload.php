<?php

declare(strict_types=1);

namespace Tada\WordPress;

use Tada\Media\{Client, File, TadaError};

/** Has the file and the texts of an attachment in TADA. What fails waits, and is kept on this machine until then. */
final class Upload
{
    public const WAITING = '_tada_media_waiting';
    public const ERROR = '_tada_media_error';
    /** The SHA-256 of a file that TADA does not take: it is not asked again for the same file. */
    public const REFUSED = '_tada_media_refused';

    /** Everything is well. */
    public const DONE = ['uploaded', 'replaced', 'same'];
    /** It stays on this machine: TADA does not take such files, or not this one. */
    public const LOCAL = ['not taken', 'refused', 'no file'];

    private const TEXT_BYTES = 4096;
    private const FIRST_PAUSE = 60;
    private const LONGEST_PAUSE = 1800;

    /** Nobody waits for TADA twice in one request. */
    private static bool $isAway = false;
    /** @var array<int, true> what was uploaded in this request */
    private static array $uploaded = [];

    /**
     * Return what became of an attachment: one of DONE or LOCAL, `waits`, or `not set up`.
     *
     * @param array<string, mixed>|null $metadata if it is not stored yet
     */
    public static function one(int $id, ?array $metadata = null): string
    {
        if (!Settings::isComplete()) {
            return 'not set up';
        }
        $metadata ??= wp_get_attachment_metadata($id, true) ?: [];
        $path = self::source($id, $metadata);
        if ($path === null) {
            return Asset::of($id) ? self::withTexts($id) : 'no file';
        }
        $sha256 = (string) hash_file('sha256', $path);
        if (Asset::of($id)?->isOf($sha256)) {
            return self::withTexts($id);
        }
        if (get_post_meta($id, self::REFUSED, true) === $sha256) {
            return 'refused';
        }
        if (self::$isAway) {
            return self::wait($id, get_post_meta($id, self::ERROR, true)['message'] ?? '', 60);
        }
        try {
            $client = Settings::client();
            $types = Settings::service()['types'] ?: Settings::meet($client)['media_types'];
            if (!in_array(get_post_mime_type($id), $types, true)) {
                self::settle($id);
                return 'not taken';
            }
            return self::sent($client, $id, $path, $sha256, $metadata);
        } catch (TadaError $error) {
            return self::failed($id, $error, $sha256);
        }
    }

    /** Forget what went wrong, so that everything is tried again. */
    public static function forgive(int $id): void
    {
        delete_post_meta($id, self::REFUSED);
        delete_post_meta($id, self::ERROR);
    }

    /** Whether TADA could not be reached in this request: it, or what it needs, does not answer. */
    public static function isAway(): bool
    {
        return self::$isAway;
    }

    public static function noteAway(TadaError $error): void
    {
        $isAway = $error->errorCode === 'not_reached' || in_array($error->status, [502, 503, 504], true);
        self::$isAway = self::$isAway || $isAway;
    }

    public static function isUploadedNow(int $id): bool
    {
        return isset(self::$uploaded[$id]);
    }

    /** @return list<int> */
    public static function uploadedNow(): array
    {
        return array_keys(self::$uploaded);
    }

    /** Send title, alternative text and caption of an attachment. Throws TadaError. */
    public static function sendTexts(int $id): void
    {
        $asset = Asset::of($id);
        if ($asset) {
            Settings::client()->change($asset->uuid(), self::texts($id));
        }
    }

    /** Note that an attachment has to wait, and for how long. */
    public static function wait(int $id, string $message, int $least = 0): string
    {
        $before = get_post_meta($id, self::ERROR, true);
        $attempts = (int) ($before['attempts'] ?? 0) + ($least ? 0 : 1);
        $pause = max($least, min(self::LONGEST_PAUSE, self::FIRST_PAUSE * 2 ** max(0, $attempts - 1)));
        update_post_meta($id, self::WAITING, time() + $pause);
        update_post_meta($id, self::ERROR, wp_slash(['message' => $message, 'attempts' => $attempts]));
        Queue::wake($pause);
        return 'waits';
    }

    /**
     * The file that was uploaded, not the smaller or turned copy that WordPress made of it, unless that was edited.
     *
     * @param array<string, mixed> $metadata
     */
    public static function source(int $id, array $metadata): ?string
    {
        $attached = (string) get_attached_file($id, true);
        $original = (string) ($metadata['original_image'] ?? '');
        $stem = Asset::withoutExtension(wp_basename($attached));
        if ($original !== '' && preg_match('~^(.+)-(?:scaled|rotated)$~', $stem, $match)) {
            $path = path_join(dirname($attached), $original);
            if ($match[1] === Asset::withoutExtension($original) && is_file($path)) {
                return $path;
            }
        }
        return is_file($attached) ? $attached : null;
    }

    private static function withTexts(int $id): string
    {
        if (get_post_meta($id, self::WAITING, true)) {
            try {
                self::sendTexts($id);
            } catch (TadaError $error) {
                return self::wait($id, $error->getMessage());
            }
            self::settle($id);
        }
        return 'same';
    }

    /** @param array<string, mixed> $metadata */
    private static function sent(Client $client, int $id, string $path, string $sha256, array $metadata): string
    {
        $asset = Asset::of($id);
        $entry = $asset ? self::replaced($client, $asset, $path) : null;
        $entry ??= self::foundAgain($client, $id, $path, $sha256);
        $entry ??= $client->upload(
            File::at($path),
            self::texts($id) + ['external_id' => self::externalId($id)],
            self::destination($path),
            'rename',
            waitForFacts: true,
        );
        $entry = self::withPixels($entry, $path);
        $attached = (string) get_post_meta($id, '_wp_attached_file', true);
        $folder = dirname($attached) === '.' ? '' : dirname($attached) . '/';
        Asset::store($id, $entry, $sha256, array_values(array_unique([$attached, $folder . wp_basename($path)])));
        if (!str_starts_with((string) $entry['base_url'], Settings::service()['base'] ?: '-')) {
            Settings::meet($client);
        }
        self::settle($id);
        self::$uploaded[$id] = true;
        return $asset ? 'replaced' : 'uploaded';
    }

    /** @return array<string, mixed>|null the entry; null if the asset is gone, or cannot become such a file */
    private static function replaced(Client $client, Asset $asset, string $path): ?array
    {
        try {
            return $client->replace($asset->uuid(), File::at($path), self::texts($asset->id));
        } catch (TadaError $error) {
            if ($error->errorCode === 'not_replaceable') {
                Following::deleteAsset($asset);
                return null;
            }
            return $error->errorCode === 'not_found' ? null : throw $error;
        }
    }

    /**
     * Look whether an earlier attempt, of which the answer was lost, has made the asset.
     *
     * @return array<string, mixed>|null
     */
    private static function foundAgain(Client $client, int $id, string $path, string $sha256): ?array
    {
        $conditions = ['external_id' => self::externalId($id), 'namespace' => Settings::get('namespace')];
        $entry = self::mayBeThere($id) ? ($client->search($conditions)['data'][0] ?? null) : null;
        if ($entry === null || $entry['signature'] === $sha256) {
            return $entry;
        }
        return $client->replace($entry['uuid'], File::at($path), self::texts($id));
    }

    private static function mayBeThere(int $id): bool
    {
        return (bool) get_post_meta($id, self::ERROR, true) || Job::isRunning();
    }

    private static function failed(int $id, TadaError $error, string $sha256): string
    {
        self::noteAway($error);
        Asset::setStale($id);
        $isForGood = in_array($error->status, [400, 413, 415, 422], true) && $error->errorCode !== 'quota_exceeded';
        if (!$isForGood) {
            return self::wait($id, trim("{$error->getMessage()} $error->hint"));
        }
        delete_post_meta($id, self::WAITING);
        update_post_meta($id, self::REFUSED, $sha256);
        update_post_meta($id, self::ERROR, wp_slash(['message' => trim("{$error->getMessage()} $error->hint")]));
        return 'refused';
    }

    /** Nothing is to be done any more. */
    private static function settle(int $id): void
    {
        foreach ([self::WAITING, self::ERROR, self::REFUSED] as $key) {
            delete_post_meta($id, $key);
        }
    }

    private static function externalId(int $id): string
    {
        return 'wordpress:' . Settings::site() . ":$id";
    }

    /** The folders of WordPress, below that of this site. */
    private static function destination(string $path): string
    {
        $uploads = wp_normalize_path(wp_get_upload_dir()['basedir']);
        $below = str_replace("$uploads/", '', wp_normalize_path(dirname($path)) . '/');
        return trim(Settings::get('folder') . '/' . trim($below, '/'), '/');
    }

    /** @return array<string, string> */
    private static function texts(int $id): array
    {
        $post = get_post($id);
        $plain = static fn (string $text) => mb_strcut(
            trim(html_entity_decode(wp_strip_all_tags($text), ENT_QUOTES | ENT_HTML5, 'UTF-8')),
            0,
            self::TEXT_BYTES,
            'UTF-8',
        );
        return [
            'title' => $plain((string) $post?->post_title),
            'alt' => $plain((string) get_post_meta($id, '_wp_attachment_image_alt', true)),
            'caption' => $plain((string) $post?->post_excerpt),
        ];
    }

    /**
     * If the service has not found the size yet, it is that of the file, turned as its camera says.
     *
     * @param array<string, mixed> $entry
     * @return array<string, mixed>
     */
    private static function withPixels(array $entry, string $path): array
    {
        $size = $entry['width'] ? false : wp_getimagesize($path);
        if (!$size) {
            return $entry;
        }
        require_once ABSPATH . 'wp-admin/includes/image.php';
        $isTurned = (int) (wp_read_image_metadata($path)['orientation'] ?? 1) > 4;
        [$width, $height] = $isTurned ? [$size[1], $size[0]] : [$size[0], $size[1]];
        return ['width' => $width, 'height' => $height] + $entry;
    }
}
