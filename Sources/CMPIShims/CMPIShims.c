#include "CMPIShims.h"

#define OMPI_SKIP_MPICXX 1
#include <mpi.h>
#include <string.h>

_Static_assert(sizeof(MPI_Comm) <= sizeof(kelip_mpi_comm), "a communicator fits a word");
_Static_assert(sizeof(MPI_Request) <= sizeof(kelip_mpi_request), "a request fits a word");
_Static_assert(MPI_MAX_ERROR_STRING <= KELIP_MPI_MAX_ERROR_STRING, "an error text fits");

static MPI_Comm comm_of(kelip_mpi_comm word) { return (MPI_Comm)word; }

int kelip_mpi_success(void) { return MPI_SUCCESS; }

int kelip_mpi_init_thread_funneled(int *provided_enough) {
  int provided = MPI_THREAD_SINGLE;
  int status = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  *provided_enough = provided >= MPI_THREAD_FUNNELED;
  return status;
}

int kelip_mpi_finalize(void) { return MPI_Finalize(); }

int kelip_mpi_abort(int exit_code) { return MPI_Abort(MPI_COMM_WORLD, exit_code); }

kelip_mpi_comm kelip_mpi_comm_world(void) { return (kelip_mpi_comm)MPI_COMM_WORLD; }

int kelip_mpi_comm_set_errors_return(kelip_mpi_comm comm) {
  return MPI_Comm_set_errhandler(comm_of(comm), MPI_ERRORS_RETURN);
}

int kelip_mpi_comm_dup(kelip_mpi_comm comm, kelip_mpi_comm *result) {
  MPI_Comm made = MPI_COMM_NULL;
  int status = MPI_Comm_dup(comm_of(comm), &made);
  *result = (kelip_mpi_comm)made;
  return status;
}

int kelip_mpi_comm_split(kelip_mpi_comm comm, int color, int key, kelip_mpi_comm *result) {
  MPI_Comm made = MPI_COMM_NULL;
  int status = MPI_Comm_split(comm_of(comm), color, key, &made);
  *result = (kelip_mpi_comm)made;
  return status;
}

int kelip_mpi_comm_split_shared(kelip_mpi_comm comm, int key, kelip_mpi_comm *result) {
  MPI_Comm made = MPI_COMM_NULL;
  int status = MPI_Comm_split_type(comm_of(comm), MPI_COMM_TYPE_SHARED, key, MPI_INFO_NULL, &made);
  *result = (kelip_mpi_comm)made;
  return status;
}

int kelip_mpi_comm_rank(kelip_mpi_comm comm, int *rank) { return MPI_Comm_rank(comm_of(comm), rank); }

int kelip_mpi_comm_size(kelip_mpi_comm comm, int *size) { return MPI_Comm_size(comm_of(comm), size); }

int kelip_mpi_iallgatherv(
    const void *mine, int count, void *all, const int *counts, const int *displacements, kelip_mpi_comm comm,
    kelip_mpi_request *request) {
  MPI_Request made = MPI_REQUEST_NULL;
  int status = MPI_Iallgatherv(
      mine ? mine : MPI_IN_PLACE, count, MPI_BYTE, all, counts, displacements, MPI_BYTE, comm_of(comm), &made);
  *request = (kelip_mpi_request)made;
  return status;
}

int kelip_mpi_ialltoallv(
    const void *send, const int *send_counts, const int *send_displacements, void *receive,
    const int *receive_counts, const int *receive_displacements, kelip_mpi_comm comm,
    kelip_mpi_request *request) {
  MPI_Request made = MPI_REQUEST_NULL;
  int status = MPI_Ialltoallv(
      send, send_counts, send_displacements, MPI_BYTE, receive, receive_counts, receive_displacements, MPI_BYTE,
      comm_of(comm), &made);
  *request = (kelip_mpi_request)made;
  return status;
}

int kelip_mpi_ibcast(void *buffer, int count, int root, kelip_mpi_comm comm, kelip_mpi_request *request) {
  MPI_Request made = MPI_REQUEST_NULL;
  int status = MPI_Ibcast(buffer, count, MPI_BYTE, root, comm_of(comm), &made);
  *request = (kelip_mpi_request)made;
  return status;
}

int kelip_mpi_ibarrier(kelip_mpi_comm comm, kelip_mpi_request *request) {
  MPI_Request made = MPI_REQUEST_NULL;
  int status = MPI_Ibarrier(comm_of(comm), &made);
  *request = (kelip_mpi_request)made;
  return status;
}

int kelip_mpi_test(kelip_mpi_request *request, int *done) {
  MPI_Request held = (MPI_Request)*request;
  int status = MPI_Test(&held, done, MPI_STATUS_IGNORE);
  *request = (kelip_mpi_request)held;
  return status;
}

void kelip_mpi_error_string(int code, char *text) {
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) strcpy(text, "unknown status");
}
