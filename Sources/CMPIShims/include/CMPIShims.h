// What Swift cannot import of MPI: handles that are pointers to incomplete types, and macros.
//
// Handles travel as words, so that neither mpi.h nor the kind of MPI shows above this file. Every function
// returns the status of the one MPI call in its name; MPI_ERRORS_RETURN is set on every communicator made here.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uintptr_t kelip_mpi_comm;
typedef uintptr_t kelip_mpi_request;

enum { KELIP_MPI_MAX_ERROR_STRING = 512 };

int kelip_mpi_success(void);

// Life. `provided_enough` tells whether at least MPI_THREAD_FUNNELED was granted.
int kelip_mpi_init_thread_funneled(int *provided_enough);
int kelip_mpi_finalize(void);
int kelip_mpi_abort(int exit_code);

// Communicators.
kelip_mpi_comm kelip_mpi_comm_world(void);
int kelip_mpi_comm_set_errors_return(kelip_mpi_comm comm);
int kelip_mpi_comm_dup(kelip_mpi_comm comm, kelip_mpi_comm *result);
int kelip_mpi_comm_split(kelip_mpi_comm comm, int color, int key, kelip_mpi_comm *result);
int kelip_mpi_comm_split_shared(kelip_mpi_comm comm, int key, kelip_mpi_comm *result);
int kelip_mpi_comm_rank(kelip_mpi_comm comm, int *rank);
int kelip_mpi_comm_size(kelip_mpi_comm comm, int *size);

// Non-blocking collectives on bytes. Arrays of counts and displacements (in bytes, one a rank) must live until
// the request has completed. `mine` NULL stands for MPI_IN_PLACE.
int kelip_mpi_iallgatherv(
    const void *mine, int count, void *all, const int *counts, const int *displacements, kelip_mpi_comm comm,
    kelip_mpi_request *request);
int kelip_mpi_ialltoallv(
    const void *send, const int *send_counts, const int *send_displacements, void *receive,
    const int *receive_counts, const int *receive_displacements, kelip_mpi_comm comm, kelip_mpi_request *request);
int kelip_mpi_ibcast(void *buffer, int count, int root, kelip_mpi_comm comm, kelip_mpi_request *request);
int kelip_mpi_ibarrier(kelip_mpi_comm comm, kelip_mpi_request *request);
int kelip_mpi_test(kelip_mpi_request *request, int *done);

// The library's words for a status; `text` holds KELIP_MPI_MAX_ERROR_STRING bytes.
void kelip_mpi_error_string(int code, char *text);

// out[i] = parts[0][i] + parts[1][i] + …, added from the left; `out` may be one of the parts.
void kelip_sum_parts_float(const float *const *parts, int part_count, float *out, size_t count);
void kelip_sum_parts_double(const double *const *parts, int part_count, double *out, size_t count);
// out[i] = max over parts.
void kelip_max_parts_double(const double *const *parts, int part_count, double *out, size_t count);

// bf16 on the wire. `parts[own]` holds 32-bit floats, the others bf16; the sum goes from the left as above.
void kelip_sum_parts_bf16(const void *const *parts, int part_count, int own, float *out, size_t count);
void kelip_narrow(const float *x, uint16_t *y, size_t count);
void kelip_widen(const uint16_t *x, float *y, size_t count);
void kelip_round_to_bf16(float *x, size_t count);
// Σ x² in 64 bits.
double kelip_squares(const float *x, size_t count);
// As kelip_sum_parts_float; returns the sum's Σ out².
double kelip_sum_parts_squares(const float *const *parts, int part_count, float *out, size_t count);

// Memory that other processes of this machine read: a file without a name, found by its owner's descriptor.
typedef struct {
  int64_t process, descriptor;
  uint64_t inode, device, bytes;
} kelip_shared_file;

// A new file of zeros, mapped at `address`. Returns 0 or an errno.
int kelip_shared_make(size_t bytes, kelip_shared_file *file, void **address);
// Puts a new file of the same content in the place of private pages; both must be whole pages. 0 or an errno.
int kelip_shared_replace(void *address, size_t bytes, kelip_shared_file *file);
// Another process's file for reading; NULL where it cannot be had.
const void *kelip_shared_open(const kelip_shared_file *file);
void kelip_shared_close(const void *address, size_t bytes);
// Closes the owner's descriptor: those who have mapped the file keep it.
void kelip_shared_forget(const kelip_shared_file *file);
// Words that are written by one process and read by others, with what was written before them.
uint64_t kelip_shared_load(const void *address);
void kelip_shared_store(void *address, uint64_t value);

// Sets of cores, a bit each; 0 for success.
enum { KELIP_CORE_BYTES = 128 };
int kelip_allowed_cores(uint8_t *bits);
int kelip_bind_thread(int thread, const uint8_t *bits);

// Sleeps about this long: asks the kernel not to round this thread's short sleeps up by its usual 50 µs.
void kelip_short_sleep(unsigned microseconds);
