<?php

declare(strict_types=1);

namespace Tada\Media;

/**
 * The service's API, for servers: uploads, entries and searches. An entry is the array that the service answers.
 *
 * Fields are those of docs/integrating.md, by their names: `alt`, `title`, `tags` (a list), `meta` (an array), … An
 * empty text, or null, empties a field. Every method throws TadaError.
 */
final class Client
{
    private const LOST_ANSWERS = 3;

    private readonly string $url;
    private readonly Transport $transport;

    /**
     * `url` is the internal entry, with `API_PREFIX`: `http://media.internal:3001`. `namespace` is where uploads go.
     */
    public function __construct(
        string $url,
        #[\SensitiveParameter] private readonly string $token = '',
        private readonly string $namespace = '',
        private readonly Retries $retries = new Retries(),
        ?Transport $transport = null,
    ) {
        $this->url = rtrim($url, '/');
        $this->transport = $transport ?? new CurlTransport();
    }

    /** @return array<string, string> what is shown of it: not the token */
    public function __debugInfo(): array
    {
        return ['url' => $this->url, 'namespace' => $this->namespace];
    }

    /** @return array<string, mixed> what the token may do, and what a client has to know of the service */
    public function about(): array
    {
        return $this->send('GET', '/about')->first();
    }

    /** @return array<string, mixed> */
    public function entry(string $uuid): array
    {
        return $this->send('GET', '/catalog/' . rawurlencode($uuid))->first();
    }

    /**
     * Return one page of what a search finds: `data`, `total`, `cursor`. A list demands, or allows, each of its values.
     *
     * @param array<string, scalar|list<scalar>> $conditions
     * @return array<string, mixed>
     */
    public function search(array $conditions): array
    {
        return $this->send('GET', '/catalog/search' . self::query($conditions))->json();
    }

    /**
     * Yield all that a search finds, page by page as it is needed.
     *
     * @param array<string, scalar|list<scalar>> $conditions
     * @return \Generator<int, array<string, mixed>>
     */
    public function entries(array $conditions = []): \Generator
    {
        $cursor = null;
        do {
            $found = $this->search($conditions + ($cursor === null ? [] : ['cursor' => $cursor]));
            yield from array_values($found['data'] ?? []);
            $cursor = $found['cursor'] ?? null;
        } while ($cursor !== null);
    }

    /**
     * Upload a file. `onConflict` says what to do if its path is taken: `refuse`, `skip`, `replace` or `rename`.
     *
     * With `waitForFacts`, the answer has `width`, `height`, `blurhash` and `dominant_color` if they are found soon.
     *
     * @param array<string, mixed> $fields
     * @return array<string, mixed> the entry
     */
    public function upload(
        string|File $file,
        array $fields = [],
        string $destination = '',
        string $onConflict = 'refuse',
        bool $waitForFacts = false,
    ): array {
        $form = self::form($fields) + ['namespace' => $this->namespace];
        $form += $destination === '' ? [] : ['destination' => $destination];
        $query = self::query(['on_conflict' => $onConflict] + ($waitForFacts ? ['wait' => 'facts'] : []));
        $form['file'] = File::of($file)->part();
        return $this->send('POST', "/file$query", form: $form, isRepeatable: $onConflict === 'skip')->first();
    }

    /**
     * Have an asset with these bytes and fields at a path, whatever is there. It may be done again without harm.
     *
     * An asset with other bytes is replaced: it keeps its uuid, and fields that are not given.
     *
     * @param array<string, mixed> $fields
     * @return array<string, mixed> the entry
     */
    public function upsert(string|File $file, array $fields = [], string $destination = ''): array
    {
        try {
            $entry = $this->upload($file, $fields, $destination, 'skip');
        } catch (TadaError $error) {
            if ($error->errorCode !== 'already_exists' || $error->uuid === '') {
                throw $error;
            }
            return $this->replace($error->uuid, $file, $fields);
        }
        foreach ($fields as $name => $value) {
            if (($entry[$name] ?? null) !== $value) {
                return $this->change($entry['uuid'], $fields);
            }
        }
        return $entry;
    }

    /**
     * Replace the file of an asset. If the answer is lost, look whether it was done before it is done again.
     *
     * @param array<string, mixed> $fields
     * @return array<string, mixed> the entry
     */
    public function replace(string $uuid, string|File $file, array $fields = []): array
    {
        $file = File::of($file);
        $before = $this->entry($uuid);
        $form = self::form($fields) + ['file' => $file->part()];
        for ($lost = 1; ; $lost++) {
            try {
                return $this->send('PATCH', "/file/{$before['uuid']}", form: $form, isRepeatable: false)->first();
            } catch (TadaError $error) {
                if (!$error->isPassing() || $lost >= min(self::LOST_ANSWERS, $this->retries->attempts)) {
                    throw $error;
                }
            }
            $now = $this->entry($uuid);
            if ($now['version'] > $before['version'] && $now['signature'] === $file->sha256()) {
                return $now;
            }
        }
    }

    /**
     * Change fields of an asset.
     *
     * @param array<string, mixed> $fields
     * @return array<string, mixed> the entry
     */
    public function change(string $uuid, array $fields): array
    {
        $body = json_encode($fields, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE);
        return $this->send('PATCH', '/catalog/' . rawurlencode($uuid), body: $body)->first();
    }

    /** Delete an asset with its file. Returns false if there is none. */
    public function delete(string $uuid): bool
    {
        try {
            $this->send('DELETE', '/file/' . rawurlencode($uuid));
        } catch (TadaError $error) {
            if ($error->errorCode === 'not_found') {
                return false;
            }
            throw $error;
        }
        return true;
    }

    /**
     * Write the bytes of an asset, as they are stored, to a file; they are compared with the signature of the entry.
     *
     * @param array<string, mixed> $entry
     */
    public function download(array $entry, string $path): void
    {
        $assets = new Addresses($this->url . $this->about()['assets_path']);
        $file = fopen("$path.part", 'wb') ?: throw new \RuntimeException("$path.part cannot be written.");
        try {
            $this->sendWhole(new Request('GET', $assets->url($entry, original: true), $this->headers(), into: $file));
            fclose($file);
            if (hash_file('sha256', "$path.part") !== $entry['signature']) {
                throw new TadaError("What came of {$entry['unique_name']} is damaged.", 'bad_answer', 200);
            }
            rename("$path.part", $path) ?: throw new \RuntimeException("$path cannot be written.");
        } finally {
            is_file("$path.part") && unlink("$path.part");
        }
    }

    /** @param array<string, string|\CURLFile|\CURLStringFile>|null $form */
    private function send(
        string $method,
        string $path,
        ?array $form = null,
        ?string $body = null,
        bool $isRepeatable = true,
    ): Answer {
        $headers = $this->headers() + ($body === null ? [] : ['Content-Type' => 'application/json']);
        return $this->sendWhole(new Request($method, $this->url . $path, $headers, $form, $body, $isRepeatable));
    }

    private function sendWhole(Request $request): Answer
    {
        for ($attempt = 1; ; $attempt++) {
            try {
                if ($request->into !== null) {
                    ftruncate($request->into, 0);
                    rewind($request->into);
                }
                $answer = $this->transport->send($request);
                return $answer->status < 300 ? $answer : throw TadaError::of($answer);
            } catch (TadaError $error) {
                $share = random_int(0, 1000) / 1000;
                $pause = $this->retries->pause($attempt, $error, $request->isRepeatable, $share) ?? throw $error;
                usleep((int) ($pause * 1e6));
            }
        }
    }

    /** @return array<string, string> */
    private function headers(): array
    {
        return $this->token === '' ? [] : ['Authorization' => "Bearer $this->token"];
    }

    /**
     * @param array<string, mixed> $fields
     * @return array<string, string> as a form has them
     */
    private static function form(array $fields): array
    {
        $flags = JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE;
        return array_map(static fn (mixed $value) => match (true) {
            $value === null => '',
            is_bool($value) => $value ? 'true' : 'false',
            is_array($value) => json_encode($value, $flags),
            default => (string) $value,
        }, $fields);
    }

    /** @param array<string, scalar|list<scalar>> $conditions */
    private static function query(array $conditions): string
    {
        $pairs = [];
        foreach ($conditions as $name => $values) {
            foreach (is_array($values) ? $values : [$values] as $value) {
                $text = is_bool($value) ? ($value ? 'true' : 'false') : (string) $value;
                $pairs[] = rawurlencode($name) . '=' . rawurlencode($text);
            }
        }
        return $pairs ? '?' . implode('&', $pairs) : '';
    }
}
