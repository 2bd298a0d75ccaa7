<?php

declare(strict_types=1);

namespace Tada\WordPress;

use Tada\Media\TadaError;

/** What happens to an attachment happens to its asset: uploaded, edited, described, deleted. */
final class Following
{
    private const DELETIONS = 'tada_media_deletion';

    /** @var array<int, true> attachments of which texts have changed */
    private static array $changed = [];
    private static bool $hasDeletions = false;

    public static function register(): void
    {
        // Before WordPress makes a smaller copy: then it needs none.
        add_filter('big_image_size_threshold', [self::class, 'beforeCopies'], 99, 4);
        add_filter('wp_update_attachment_metadata', [self::class, 'update'], 99, 2);
        add_filter('intermediate_image_sizes_advanced', [self::class, 'sizes'], 99, 3);
        add_action('attachment_updated', [self::class, 'changed']);
        foreach (['added_post_meta', 'updated_post_meta', 'deleted_post_meta'] as $hook) {
            add_action($hook, [self::class, 'metaChanged'], 10, 3);
        }
        add_action('delete_attachment', [self::class, 'deleted']);
        add_filter('load_image_to_edit_path', [self::class, 'toEdit'], 10, 2);
        add_action('shutdown', [self::class, 'finish']);
        $type = ['public' => false, 'rewrite' => false];
        add_action('init', static fn () => register_post_type(self::DELETIONS, $type));
    }

    public static function beforeCopies(mixed $threshold, mixed $size = null, mixed $file = null, mixed $id = 0): mixed
    {
        $isTaken = $threshold && $id && in_array(Upload::one((int) $id), Upload::DONE, true);
        return $isTaken ? false : $threshold;
    }

    /**
     * The metadata of an attachment are written whenever its file has changed.
     *
     * @param array<string, mixed>|mixed $data
     */
    public static function update(mixed $data, int $id): mixed
    {
        if (is_array($data)) {
            $data = self::asStored($data, $id);
        }
        if (!Delivery::$isLocal) {
            Upload::one($id, is_array($data) ? $data : []);
        }
        return $data;
    }

    /**
     * Put back what is stored in place of what is only shown.
     *
     * @param array<string, mixed> $data
     * @return array<string, mixed>
     */
    private static function asStored(array $data, int $id): array
    {
        if (empty($data[Sizes::MARK])) {
            return $data;
        }
        $stored = wp_get_attachment_metadata($id, true) ?: [];
        $isSameFile = ($stored['file'] ?? '') === ($data['file'] ?? '');
        unset($data[Sizes::MARK]);
        $data['sizes'] = array_filter($data['sizes'] ?? [], static fn ($size) => empty($size[Sizes::MARK]));
        if ($isSameFile) {
            $data['sizes'] += $stored['sizes'] ?? [];
            $data = array_intersect_key($stored, ['width' => 0, 'height' => 0]) + $data;
        }
        return $data;
    }

    /**
     * What is in TADA needs no smaller copies. While TADA is away, WordPress makes them as ever.
     *
     * @param array<string, mixed> $sizes
     * @param array<string, mixed> $metadata
     * @return array<string, mixed>
     */
    public static function sizes(array $sizes, array $metadata = [], int $id = 0): array
    {
        return Delivery::asset($id)?->size() ? [] : $sizes;
    }

    public static function changed(int $id): void
    {
        self::$changed[$id] = true;
    }

    public static function metaChanged(mixed $meta, int $id, string $key): void
    {
        if ($key === '_wp_attachment_image_alt') {
            self::$changed[$id] = true;
        }
    }

    public static function deleted(int $id): void
    {
        unset(self::$changed[$id]);
        $asset = Asset::of($id);
        if ($asset) {
            self::deleteAsset($asset);
        }
    }

    /** Delete an asset as soon as TADA can, unless another attachment has it: translations share a file. */
    public static function deleteAsset(Asset $asset): void
    {
        if (array_diff(Asset::attachments(Asset::UUID, $asset->uuid()), [$asset->id]) === []) {
            $deletion = ['post_type' => self::DELETIONS, 'post_status' => 'private', 'post_title' => $asset->uuid()];
            wp_insert_post($deletion);
            self::$hasDeletions = true;
        }
    }

    /** @return list<\WP_Post> deletions that TADA does not know of yet */
    public static function deletions(): array
    {
        return get_posts(['post_type' => self::DELETIONS, 'post_status' => 'private', 'numberposts' => 100]);
    }

    /** Tell TADA what was deleted here. Throws TadaError. */
    public static function sendDeletions(): void
    {
        $client = Settings::client();
        foreach (self::deletions() as $deletion) {
            $client->delete($deletion->post_title);
            wp_delete_post($deletion->ID, true);
        }
    }

    /** A file that is to be edited, and is in TADA alone, is brought back. */
    public static function toEdit(mixed $path, int $id): mixed
    {
        $attached = (string) get_attached_file($id, true);
        if (is_file($attached) || !Asset::of($id)) {
            return $path;
        }
        try {
            return Restoring::file($id);
        } catch (\RuntimeException) {
            return false;
        }
    }

    /** What need not be waited for while a request is answered. */
    public static function finish(): void
    {
        foreach (array_keys(self::$changed) as $id) {
            if (Asset::of($id) && !Upload::isUploadedNow($id)) {
                try {
                    Upload::sendTexts($id);
                } catch (TadaError $error) {
                    Upload::wait($id, $error->getMessage());
                }
            }
        }
        self::$changed = [];
        try {
            self::$hasDeletions && self::sendDeletions();
        } catch (TadaError) {
            Queue::wake(60);
        }
        if (!Settings::get('keep_local') && !Delivery::$isLocal) {
            array_map([Restoring::class, 'removeFiles'], Upload::uploadedNow());
        }
    }
}
