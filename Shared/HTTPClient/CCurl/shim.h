/* The checks need compile-time constants, which they no longer are inside these functions. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <stdint.h>

/* Swift cannot call variadic functions: one function for each type an option takes. */

typedef size_t (*martlet_curl_bytes_callback)(char *bytes, size_t size, size_t count, void *context);
typedef curl_socket_t (*martlet_curl_socket_callback)(void *context, curlsocktype purpose, struct curl_sockaddr *address);
typedef int (*martlet_curl_seek_callback)(void *context, curl_off_t offset, int origin);

static inline CURLcode martlet_curl_set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode martlet_curl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode martlet_curl_set_string(CURL *easy, CURLoption option, const char *value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode martlet_curl_set_pointer(CURL *easy, CURLoption option, void *value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode martlet_curl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode martlet_curl_set_bytes_callback(CURL *easy, CURLoption option,
                                                       martlet_curl_bytes_callback value) {
  return curl_easy_setopt(easy, option, value);
}
static inline CURLcode martlet_curl_set_socket_callback(CURL *easy, martlet_curl_socket_callback value) {
  return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, value);
}
static inline CURLcode martlet_curl_set_seek_callback(CURL *easy, martlet_curl_seek_callback value) {
  return curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, value);
}
static inline long martlet_curl_get_long(CURL *easy, CURLINFO info) {
  long value = 0;
  return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}
static inline curl_off_t martlet_curl_get_offset(CURL *easy, CURLINFO info) {
  curl_off_t value = 0;
  return curl_easy_getinfo(easy, info, &value) == CURLE_OK ? value : 0;
}
/* CURLOPT_PRIVATE holds a number, never an address. */
static inline uintptr_t martlet_curl_get_id(CURL *easy) {
  char *value = NULL;
  return curl_easy_getinfo(easy, CURLINFO_PRIVATE, &value) == CURLE_OK ? (uintptr_t)value : 0;
}
static inline CURLMcode martlet_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return curl_multi_setopt(multi, option, value);
}
/* The message's union is read here, where its kind says which member holds. */
static inline CURL *martlet_curl_multi_next_done(CURLM *multi, CURLcode *result) {
  int left;
  CURLMsg *message;
  while ((message = curl_multi_info_read(multi, &left))) {
    if (message->msg == CURLMSG_DONE) {
      *result = message->data.result;
      return message->easy_handle;
    }
  }
  return NULL;
}
