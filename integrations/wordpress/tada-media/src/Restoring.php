<?php

declare(strict_types=1);

namespace Tada\WordPress;

use Tada\Media\Addresses;

/** Files of attachments on this machine: removed when TADA has them, and brought back. */
final class Restoring
{
    private const LARGEST = 2560;

    /** Remove the files of an attachment of which TADA has the original. Those before an edit are nowhere else. */
    public static function removeFiles(int $id): void
    {
        $metadata = wp_get_attachment_metadata($id, true) ?: [];
        $source = Upload::source($id, $metadata);
        if ($source === null || !Asset::of($id)?->isOf((string) hash_file('sha256', $source))) {
            return;
        }
        $attached = (string) get_attached_file($id, true);
        $backups = array_column((array) get_post_meta($id, '_wp_attachment_backup_sizes', true), 'file');
        $names = [wp_basename($source), wp_basename($attached), ...array_column($metadata['sizes'] ?? [], 'file')];
        foreach (array_diff(array_unique($names), $backups) as $name) {
            wp_delete_file(path_join(dirname($attached), $name));
        }
    }

    /** Bring the file of an attachment back, and return its path. Throws RuntimeException, such as TadaError. */
    public static function file(int $id): string
    {
        $asset = Asset::of($id) ?? throw new \RuntimeException("Attachment $id is not in TADA.");
        $attached = (string) get_attached_file($id, true);
        if (is_file($attached)) {
            return $attached;
        }
        wp_mkdir_p(dirname($attached));
        $original = (string) (wp_get_attachment_metadata($id, true)['original_image'] ?? '');
        $isCopy = $original !== '' && preg_match('~-(scaled|rotated)\.[^.]+$~', $attached, $kind);
        $path = $isCopy ? path_join(dirname($attached), $original) : $attached;
        if (!is_file($path)) {
            Settings::client()->download($asset->entry(), $path);
        }
        if ($isCopy) {
            $editor = wp_get_image_editor($path);
            $failed = is_wp_error($editor) ? $editor : null;
            if (!$failed) {
                $editor->maybe_exif_rotate();
                $size = $editor->get_size();
                if ($kind[1] === 'scaled' && max($size['width'], $size['height']) > self::LARGEST) {
                    $editor->resize(self::LARGEST, self::LARGEST);
                }
                $saved = $editor->save($attached);
                $failed = is_wp_error($saved) ? $saved : null;
            }
            $failed && throw new \RuntimeException($failed->get_error_message());
        }
        return $attached;
    }

    /** Bring the file back, and the sizes that WordPress keeps of it. Throws RuntimeException, such as TadaError. */
    public static function whole(int $id): void
    {
        require_once ABSPATH . 'wp-admin/includes/image.php';
        $before = Delivery::$isLocal;
        $attached = self::file($id);
        Delivery::$isLocal = true;
        try {
            $metadata = wp_get_attachment_metadata($id, true);
            if (is_array($metadata) && wp_attachment_is_image($id)) {
                $isThere = static fn ($size) => is_file(path_join(dirname($attached), $size['file']));
                $metadata['sizes'] = array_filter($metadata['sizes'] ?? [], $isThere);
                wp_update_attachment_metadata($id, $metadata);
                wp_update_image_subsizes($id);
            }
        } finally {
            Delivery::$isLocal = $before;
        }
    }

    /** Have posts name the files on this machine again. Returns how many have changed. */
    public static function posts(): int
    {
        $changed = 0;
        kses_remove_filters();
        foreach (Settings::service()['bases'] as $base) {
            $found = new \WP_Query([
                'post_type' => array_diff(get_post_types(), ['attachment', 'revision']),
                'post_status' => 'any',
                's' => $base,
                'sentence' => true,
                'posts_per_page' => -1,
                'no_found_rows' => true,
            ]);
            foreach ($found->posts as $post) {
                $content = Content::localized($post->post_content);
                if ($content !== $post->post_content) {
                    wp_update_post(wp_slash(['ID' => $post->ID, 'post_content' => $content]));
                    $changed++;
                }
            }
        }
        return $changed;
    }

    /** The address on this machine of what an address of TADA shows. */
    public static function localAddress(Asset $asset, string $address): string
    {
        $before = Delivery::$isLocal;
        Delivery::$isLocal = true;
        try {
            $whole = (string) wp_get_attachment_url($asset->id);
            $metadata = wp_get_attachment_metadata($asset->id);
        } finally {
            Delivery::$isLocal = $before;
        }
        if (!preg_match('~/optimise/(\d+)x(\d+)/~', $address, $box)) {
            return $whole;
        }
        foreach (is_array($metadata) ? $metadata['sizes'] ?? [] : [] as $size) {
            $isHigh = in_array((int) $box[2], [0, $size['height']], true);
            if ($size['width'] === (int) $box[1] && $isHigh) {
                return path_join(dirname($whole), $size['file']);
            }
        }
        return $whole;
    }
}
