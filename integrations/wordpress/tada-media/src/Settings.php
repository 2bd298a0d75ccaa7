<?php

declare(strict_types=1);

namespace Tada\WordPress;

use Tada\Media\{Addresses, Client, CurlTransport, Retries};

/** What is set: constants in wp-config.php go before the settings page. And what is known of the service. */
final class Settings
{
    public const OPTION = 'tada_media';
    /** What the service said of itself: where assets are delivered, which types it takes. */
    public const SERVICE = 'tada_media_service';
    private const SITE = 'tada_media_site';

    public const CONSTANTS = [
        'url' => 'TADA_MEDIA_URL',
        'namespace' => 'TADA_MEDIA_NAMESPACE',
        'folder' => 'TADA_MEDIA_FOLDER',
        'token' => 'TADA_MEDIA_TOKEN',
        'signing_key' => 'TADA_MEDIA_SIGNING_KEY',
        'keep_local' => 'TADA_MEDIA_KEEP_LOCAL',
    ];
    public const SECRETS = ['token', 'signing_key'];
    private const DEFAULTS = ['folder' => 'wordpress', 'keep_local' => true];

    public static function get(string $name): string|bool
    {
        $stored = get_option(self::OPTION, []);
        $value = self::isFixed($name) ? constant(self::CONSTANTS[$name]) : ($stored[$name] ?? null);
        $value ??= self::DEFAULTS[$name] ?? '';
        return $name === 'keep_local' ? (bool) $value : trim((string) $value);
    }

    /** Whether wp-config.php says it. */
    public static function isFixed(string $name): bool
    {
        return defined(self::CONSTANTS[$name]);
    }

    public static function isComplete(): bool
    {
        return self::get('url') !== '' && self::get('namespace') !== '';
    }

    /** A client that gives up soon where a person waits. */
    public static function client(): Client
    {
        $isPatient = wp_doing_cron() || (defined('WP_CLI') && WP_CLI);
        return new Client(
            self::get('url'),
            self::get('token'),
            self::get('namespace'),
            new Retries(attempts: $isPatient ? 5 : 2, longestAsked: $isPatient ? 60 : 3),
            new CurlTransport(connectSeconds: 3),
        );
    }

    public static function addresses(): Addresses
    {
        return new Addresses(self::service()['base'], self::get('signing_key'));
    }

    /** @return array{base: string, bases: list<string>, types: list<string>} */
    public static function service(): array
    {
        return get_option(self::SERVICE, []) + ['base' => '', 'bases' => [], 'types' => []];
    }

    /** Ask the service who it is, and keep the answer. Throws TadaError. @return array<string, mixed> */
    public static function meet(Client $client): array
    {
        $about = $client->about();
        $base = rtrim((string) $about['assets_url'], '/');
        $bases = array_values(array_unique([$base, ...self::service()['bases']]));
        update_option(self::SERVICE, ['base' => $base, 'bases' => $bases, 'types' => $about['media_types']]);
        return $about;
    }

    /** A name of this site, so that its assets are told from those of another one in the same namespace. */
    public static function site(): string
    {
        $site = get_option(self::SITE);
        if (!$site) {
            $site = bin2hex(random_bytes(6));
            add_option(self::SITE, $site);
        }
        return (string) $site;
    }
}
